"""The look of the page: one style sheet and one script, both within it."""

from __future__ import annotations

from collections.abc import Sequence

from mfh.evaluation.page.charts.svg import ROW_COLOURS

# Dark enough on white, and light enough on black, for lines; after Okabe and Ito's palette, whose
# colours the colour-blind tell apart.
_LIGHT = ("0072b2", "d55e00", "008a63", "b8578f", "8a6d00", "3398d4", "555b63", "7a4fc0")
_DARK = ("5ab4f0", "ff8c42", "2fc79a", "e79cc4", "e6c229", "9bd3f7", "c3c8cf", "b58cf0")

_CSS = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2026;--muted:#626a74;--grid:#e1e4e8;
--note:#fff4d6;LIGHT}
@media (prefers-color-scheme:dark){:root{--paper:#15181c;--ink:#e8eaed;--muted:#9aa2ad;
--grid:#2f343b;--note:#453a15;DARK}}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--muted:#555;--grid:#ddd;
--note:#fff4d6;LIGHT}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:76rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
h1{margin:.2em 0;line-height:1.2}h2{margin:2.2rem 0 .6rem;border-bottom:1px solid var(--grid)}
h3{margin:1.6rem 0 .4rem;font-size:1.1rem}h4,h5{margin:0;font-size:1rem}
p{margin:.4rem 0;max-width:46rem}
small,.muted,figcaption,dt{color:var(--muted)}small,figcaption{font-size:.83rem;line-height:1.4}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.8rem 0}dd{margin:0}
a{color:inherit}nav a{margin-right:1rem}
.note{padding:.5rem .8rem;border-radius:.4rem;background:var(--note);max-width:none}
.table{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}
th,td{padding:.35rem .55rem .35rem 0;text-align:right;vertical-align:top;
border-bottom:1px solid var(--grid)}
th{font-weight:600}th:first-child,.text{text-align:left}
th:first-child{position:sticky;left:0;background:var(--paper)}
tbody th{font-weight:500;min-width:7rem;overflow-wrap:anywhere}thead th{vertical-align:bottom}
.title th{color:var(--muted);padding-top:.8rem}
th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid}
th[aria-sort=ascending] button::after{content:" ▲"}
th[aria-sort=descending] button::after{content:" ▼"}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));
gap:1.4rem 2rem}
figure{margin:0;break-inside:avoid}.chart{display:block;width:100%;height:auto;max-width:34rem;
stroke-linejoin:round}
figure h3{margin-top:0;font-size:1rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.2rem 0;padding:0;list-style:none;
font-size:.83rem}.legend svg{width:2rem;height:.6rem;margin-right:.35rem}
.photo{margin:1rem 0 1.6rem;break-inside:avoid}.photo p{max-width:none}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,12rem),1fr));
gap:.6rem .8rem;margin-top:.3rem}
.wide .pictures{grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
.pair{display:grid;gap:.4rem;grid-row:span 2;grid-template-rows:subgrid;align-items:start}
.pictures img{display:block;width:100%;height:auto;border-radius:3px}
.bar{position:relative;height:2rem;margin:.3rem 0 0;font-size:.72rem;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
.bar::before{content:"";position:absolute;inset:0 0 auto;height:.55rem;border-radius:2px;
background:var(--colours)}
.bar span{position:absolute;top:.65rem;transform:translateX(-50%);white-space:nowrap}
.bar span:first-of-type{transform:none}.bar span:last-of-type{transform:translateX(-100%)}
.depth{--colours:DEPTH}.ratio{--colours:RATIO}
details h4{margin-top:.8rem}summary{cursor:pointer}summary h3{display:inline}
@media print{body{max-width:none;padding:0;font-size:10pt}nav{display:none}
.table{overflow:visible}table{font-size:8pt}th,td{padding-right:.4rem}}
"""

# Sorts a table by a column whose header is pressed; once more turns it round.
SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.onclick = () => {
  const head = button.parentElement, row = head.parentElement;
  const down = head.ariaSort === "ascending", place = [...row.children].indexOf(head);
  for (const other of row.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const text = line => line.children[place].textContent.replace("\u2212", "-");
  const number = line => isNaN(parseFloat(text(line))) ? -Infinity : parseFloat(text(line));
  const compare = (a, b) => number(a) - number(b) || text(a).localeCompare(text(b));
  for (const body of head.closest("table").tBodies) if (body.className !== "title")
    body.append(...[...body.rows].sort((a, b) => down ? compare(b, a) : compare(a, b)));
};
"""


def style_sheet(depth_colours: str, ratio_colours: str) -> str:
    """The page's CSS; depth_colours, ratio_colours: the gradients of the two scales' bars."""
    replaced = {
        "LIGHT": _variables(_LIGHT),
        "DARK": _variables(_DARK),
        "DEPTH": depth_colours,
        "RATIO": ratio_colours,
    }
    css = _CSS
    for word, value in replaced.items():
        css = css.replace(word, value)
    return css


def _variables(colours: Sequence[str]) -> str:
    return ";".join(f"--row{number}:#{colours[number]}" for number in range(ROW_COLOURS))
