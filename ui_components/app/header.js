// The header: the theme that was chosen, and the keyboard's shortcuts. Both are remembered by this browser alone.
const THEMES = ["system", "light", "dark"];
const themeButton = element.querySelector(".theme"), sheet = element.querySelector("dialog");
const enabled = sheet.querySelector("input"), darkSystem = window.matchMedia("(prefers-color-scheme: dark)");

const remembered = (key, otherwise) => {
  try { return localStorage.getItem(key) ?? otherwise; } catch { return otherwise; }  // storage may be forbidden
};
const remember = (key, value) => {
  try { localStorage.setItem(key, value); } catch { /* then it holds until the page is left */ }
};

let theme = THEMES.includes(remembered("qal-theme")) ? remembered("qal-theme") : "system";
const showTheme = () => {
  document.body.classList.toggle("dark", theme === "dark" || (theme === "system" && darkSystem.matches));
  themeButton.dataset.theme = theme;
  themeButton.setAttribute("aria-label", `Theme: ${theme}. Press for ${nextTheme()}.`);
  themeButton.title = `Theme: ${theme}`;
};
const nextTheme = () => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
const changeTheme = () => { theme = nextTheme(); remember("qal-theme", theme); showTheme(); };
themeButton.addEventListener("click", changeTheme);
darkSystem.addEventListener("change", () => setTimeout(showTheme));  // after Gradio's own listener
if (!new URLSearchParams(location.search).has("__theme")) showTheme();

enabled.checked = remembered("qal-shortcuts", "on") === "on";
enabled.addEventListener("change", () => remember("qal-shortcuts", enabled.checked ? "on" : "off"));

const visible = (selector) => [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
const tabs = () => [...document.querySelectorAll("#qal-tabs > .tab-wrapper [role=tab]")].filter((one) => one.checkVisibility());
const turn = (by) => {
  const all = tabs(), at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (all.length) all[(at + by + all.length) % all.length].click();
};
const captions = () => {
  const start = document.querySelector(".qal-controls .start");
  if (start && !start.checkVisibility()) tabs().find((one) => one.textContent.trim() === "Live")?.click();
  start?.click();
};
const SHORTCUTS = {
  c: captions,
  "]": () => turn(1),
  "[": () => turn(-1),
  "/": () => visible("input[type=search], .qal-search input")?.focus(),
  t: changeTheme,
  "?": () => sheet.showModal(),
};
const FIELDS = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [role=textbox]";
const types = (target) => target.isContentEditable || target.closest?.(FIELDS);
document.addEventListener("keydown", (event) => {
  const shortcut = SHORTCUTS[event.key];
  if (!shortcut || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (sheet.open || types(event.target) || (!enabled.checked && event.key !== "?")) return;
  event.preventDefault();
  shortcut();
});
element.querySelector(".keys").addEventListener("click", () => sheet.showModal());
sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });
