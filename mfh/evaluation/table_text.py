"""Tables as Markdown and LaTeX."""

from __future__ import annotations

import re

from mfh.evaluation.tables import Table

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\n": " ",
    "δ₁": r"$\delta_1$",
    "δ₂": r"$\delta_2$",
    "δ₃": r"$\delta_3$",
    "±": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "“": "``",
    "”": "''",
}
_SPECIAL = re.compile("|".join(re.escape(text) for text in _LATEX))


def markdown(table: Table) -> str:
    """A table as GitHub's Markdown, with its title above and its notes below."""
    lines = [f"### {_flat(table.title)}", ""]
    lines.append(_markdown_line(table.columns))
    rules = ["---" if i in table.text_columns else "---:" for i in range(len(table.columns))]
    lines.append(f"| {' | '.join(rules)} |")
    section = ""
    for row in table.rows:
        if row.section != section:
            section = row.section
            lines.append(_markdown_line([f"*{section}*", *[""] * (len(table.columns) - 1)]))
        lines.append(_markdown_line(row.cells))
    for note in table.notes:
        lines += ["", _flat(note)]
    return "\n".join(lines) + "\n"


def latex(table: Table) -> str:
    r"""A table in LaTeX, for a document that has `\usepackage{booktabs}`."""
    columns = "".join("l" if i in table.text_columns else "r" for i in range(len(table.columns)))
    lines = [
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{latex_text(table.title)}}}",
        f"  \\begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        _latex_line(table.columns),
        r"    \midrule",
    ]
    section = table.rows[0].section if table.rows else ""
    for row in table.rows:
        if row.section != section:
            section = row.section
            lines.append(r"    \midrule")
            heading = rf"\textit{{{latex_text(section)}}}"
            lines.append(rf"    \multicolumn{{{len(columns)}}}{{l}}{{{heading}}} \\")
        lines.append(_latex_line(row.cells))
    lines += [r"    \bottomrule", r"  \end{tabular}"]
    lines += [rf"  \par\footnotesize {latex_text(note)}" for note in table.notes]
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def latex_text(text: str) -> str:
    """Text with what LaTeX would take for its own made harmless."""
    return _SPECIAL.sub(lambda match: _LATEX[match.group()], text)


def _latex_line(cells: tuple[str, ...]) -> str:
    return f"    {' & '.join(latex_text(cell) for cell in cells)} \\\\"


def _markdown_line(cells: tuple[str, ...] | list[str]) -> str:
    escaped = (_flat(cell).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _flat(text: str) -> str:
    return " ".join(text.split())
