// Switches between the light and the dark theme; at first, the system's setting applies.
"use strict";

const Theme = {
  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  },
};

{
  const button = document.getElementById("theme");
  const show = () => {
    button.setAttribute("aria-pressed", String(Theme.isDark()));
    document.dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = Theme.isDark() ? "light" : "dark";
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  button.setAttribute("aria-pressed", String(Theme.isDark()));

  // On a wide screen the contents stay beside the text; on a narrow one they would fill it.
  if (matchMedia("(max-width: 70rem)").matches) document.querySelector("nav details").open = false;
}
