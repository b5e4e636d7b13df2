// The header: theme and keyboard shortcuts. Both settings are stored in this browser only.
const THEMES = ["system", "light", "dark"];
const themeButton = element.querySelector(".theme"), help = element.querySelector("dialog");
const enabled = help.querySelector("input"), darkSystem = window.matchMedia("(prefers-color-scheme: dark)");

const load = (key, fallback) => {
  try { return localStorage.getItem(key) ?? fallback; } catch { return fallback; }  // storage may be forbidden
};
const store = (key, value) => {
  try { localStorage.setItem(key, value); } catch { /* the setting lasts until the page is closed */ }
};

let theme = THEMES.includes(load("qal-theme")) ? load("qal-theme") : "system";
const showTheme = () => {
  document.body.classList.toggle("dark", theme === "dark" || (theme === "system" && darkSystem.matches));
  themeButton.dataset.theme = theme;
  themeButton.setAttribute("aria-label", `Switch to ${nextTheme()} theme`);
  themeButton.title = `Theme: ${theme}. Switch to ${nextTheme()} theme.`;
};
const nextTheme = () => THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
const changeTheme = () => { theme = nextTheme(); store("qal-theme", theme); showTheme(); };
themeButton.addEventListener("click", changeTheme);
darkSystem.addEventListener("change", () => setTimeout(showTheme));  // after Gradio's own listener
if (!new URLSearchParams(location.search).has("__theme")) showTheme();

enabled.checked = load("qal-shortcuts", "on") === "on";
enabled.addEventListener("change", () => store("qal-shortcuts", enabled.checked ? "on" : "off"));

const firstVisible = (selector) => [...document.querySelectorAll(selector)].find((node) => node.checkVisibility());
const visibleTabs = () => [...document.querySelectorAll("#qal-tabs > .tab-wrapper [role=tab]")].filter((tab) => tab.checkVisibility());
const moveTab = (offset) => {
  const tabs = visibleTabs(), current = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  if (tabs.length) tabs[(current + offset + tabs.length) % tabs.length].click();
};
const toggleCaptions = () => {
  const start = document.querySelector(".qal-controls .start");
  if (start && !start.checkVisibility()) visibleTabs().find((tab) => tab.textContent.trim() === "Live")?.click();
  start?.click();
};
const SHORTCUTS = {
  c: toggleCaptions,
  "]": () => moveTab(1),
  "[": () => moveTab(-1),
  "/": () => firstVisible("input[type=search], .qal-search input")?.focus(),
  t: changeTheme,
  "?": () => help.showModal(),
};
const TEXT_FIELDS = "input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [role=textbox]";
const isTextField = (target) => target.isContentEditable || target.closest?.(TEXT_FIELDS);
document.addEventListener("keydown", (event) => {
  const shortcut = SHORTCUTS[event.key];
  if (!shortcut || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (help.open || isTextField(event.target) || (!enabled.checked && event.key !== "?")) return;
  event.preventDefault();
  shortcut();
});
element.querySelector(".keys").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
