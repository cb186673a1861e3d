"""Tables as Markdown and LaTeX."""

from __future__ import annotations

import re
import unicodedata

from mfh.evaluation.tables.tables import Table

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
    "\t": " ",
    "\N{NO-BREAK SPACE}": "~",
    "δ₁": r"$\delta_1$",
    "δ₂": r"$\delta_2$",
    "δ₃": r"$\delta_3$",
    "±": r"$\pm$",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{EM DASH}": "---",
    "“": "``",
    "”": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "…": r"\dots{}",
    "×": r"$\times$",  # noqa: RUF001
    "²": r"$^2$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
# By the names of combining marks; a letter with one is that accent of the letter.
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
}
_SPECIAL = re.compile("|".join([*(re.escape(text) for text in _LATEX), r"[^ -~]"]))


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
    """Text in ASCII, with what LaTeX would take for its own made harmless.

    What LaTeX's own fonts lack (Greek, Chinese, most symbols) becomes "?".
    """
    composed = unicodedata.normalize("NFC", text)
    return _SPECIAL.sub(lambda match: _latex_sign(match.group()), composed)


def _latex_sign(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    letter, *marks = list(unicodedata.normalize("NFD", character))
    if len(marks) == 1 and marks[0] in _ACCENTS and letter.isascii():
        return f"\\{_ACCENTS[marks[0]]}{{{letter}}}"
    return "?"


def _latex_line(cells: tuple[str, ...]) -> str:
    return f"    {' & '.join(latex_text(cell) for cell in cells)} \\\\"


def _markdown_line(cells: tuple[str, ...] | list[str]) -> str:
    escaped = (_flat(cell).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _flat(text: str) -> str:
    return " ".join(text.split())
