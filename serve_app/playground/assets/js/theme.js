// Dark, light, or what the system says.

import { keep, recall } from "./memory.js";

const THEMES = ["auto", "dark", "light"];
const KEY = "vigil.theme";

/** Makes a button go through the themes; onChange runs whenever colours may have changed. */
export function install(button, onChange) {
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
    button.dataset.theme = theme;
    onChange();
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(button.dataset.theme) + 1) % THEMES.length];
    keep("localStorage", KEY, next);
    show(next);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  const kept = recall("localStorage", KEY);
  show(THEMES.includes(kept) ? kept : "auto");
}
