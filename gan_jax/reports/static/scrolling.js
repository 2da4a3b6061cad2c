// Makes boxes whose content is wider than they are scrollable with the keyboard.
"use strict";

{
  const boxes = document.querySelectorAll(".formula, .inline-formula, .scroll");
  const names = { formula: "Formula", "inline-formula": "Formula", scroll: "Table" };
  const watch = new ResizeObserver((changed) => {
    for (const { target } of changed) {
      const scrolls = target.scrollWidth > target.clientWidth;
      target.toggleAttribute("tabindex", scrolls);
      if (!scrolls) {
        target.removeAttribute("role");
        continue;
      }
      target.tabIndex = 0;
      target.setAttribute("role", "group");
      if (!target.hasAttribute("aria-label")) target.setAttribute("aria-label", names[target.classList[0]]);
    }
  });
  boxes.forEach((box) => watch.observe(box));
}
