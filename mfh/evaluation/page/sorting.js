// Sorts a table by a column whose header is pressed; once more turns it round.
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
