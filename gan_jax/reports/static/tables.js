// Sorts a table by a click on a heading: by number where cells have one, else by text; empty cells (-) come last.
"use strict";

document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const texts = new Intl.Collator(undefined, { numeric: true });

  headings.forEach((heading, column) => {
    heading.querySelector(".sort").addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = [...body.rows].map((row) => {
        const { dataset, textContent } = row.cells[column];
        const text = textContent.trim();
        return { row, text, number: dataset.key === undefined ? NaN : Number(dataset.key), none: text === "-" };
      });
      keyed.sort((a, b) => {
        if (a.none || b.none) return a.none - b.none;
        const order = Number.isNaN(a.number - b.number) ? texts.compare(a.text, b.text) : a.number - b.number;
        return up ? order : -order;
      });
      body.append(...keyed.map(({ row }) => row));
    });
  });
});
