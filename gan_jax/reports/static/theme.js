// Switches between the light and the dark theme; at first, the system's setting applies. Paper is light.
"use strict";

const Theme = (() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const choose = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    button.setAttribute("aria-pressed", String(isDark()));
    document.dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => choose(isDark() ? "light" : "dark"));
  system.addEventListener("change", () => choose(root.dataset.theme));
  button.setAttribute("aria-pressed", String(isDark()));

  // On a wide screen the contents stay beside the text; on a narrow one they would fill it.
  if (matchMedia("(max-width: 70rem)").matches) document.querySelector("nav details").open = false;

  let chosen; // before printing
  return {
    color: (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim(),
    print(now) {
      if (now) chosen = root.dataset.theme;
      choose(now ? "light" : chosen);
    },
  };
})();
