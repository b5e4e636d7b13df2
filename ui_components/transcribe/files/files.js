// The table of files: sends the clicked buttons, asks before a file is removed, and asks for the progress while files are
// in progress and the page is seen.
const ATTRIBUTES = ["open", "pause", "resume", "stop", "remove"];
const POLL_MS = 1500, CHECK_MS = 500;
const selector = ATTRIBUTES.map((name) => `[data-${name}]`).join(", ");
let askedAt = 0, focusedSelector = null, scrollTop = 0, confirming = null;

const selectorOf = (node) => {
  const name = ATTRIBUTES.find((name) => name in node.dataset);
  return `[data-${name}="${CSS.escape(node.dataset[name])}"]`;
};
const askToRemove = (button) => {
  confirming = button ? button.dataset.remove : null;
  for (const node of element.querySelectorAll("[data-remove]")) {
    const isAsked = node.dataset.remove === confirming;
    node.classList.toggle("sure", isAsked);
    node.textContent = isAsked ? "Delete text and upload?" : "Remove";
  }
};
element.addEventListener("click", (event) => {
  const clicked = event.target.closest(selector);
  if (!clicked) return askToRemove(null);
  if ("remove" in clicked.dataset && confirming !== clicked.dataset.remove) return askToRemove(clicked);
  askToRemove(null);
  if ("resume" in clicked.dataset) document.dispatchEvent(new CustomEvent("qal-file-resumed", { detail: clicked.dataset.resume }));
  trigger("select", { ...clicked.dataset });
});
element.addEventListener("keydown", (event) => { if (event.key === "Escape") askToRemove(null); });
element.addEventListener("focusin", (event) => {
  const focused = event.target.closest(selector);
  focusedSelector = focused && selectorOf(focused);
});
element.addEventListener("focusout", (event) => { if (event.relatedTarget) focusedSelector = null; });
element.addEventListener("scroll", (event) => { if (event.target.matches?.("[data-scrolls]")) scrollTop = event.target.scrollTop; }, true);
watch("value", () => {
  const list = element.querySelector("[data-scrolls]");
  if (list) list.scrollTop = scrollTop;
  if (confirming) askToRemove(element.querySelector(`[data-remove="${CSS.escape(confirming)}"]`));
  const target = focusedSelector && document.activeElement === document.body && element.querySelector(focusedSelector);
  if (target) target.focus({ preventScroll: true });
});
const filesTimer = setInterval(() => {
  if (!element.isConnected) return clearInterval(filesTimer);
  const isShown = !document.hidden && element.checkVisibility() && element.querySelector("[data-in-progress]");
  if (!isShown || Date.now() - askedAt < POLL_MS) return;
  askedAt = Date.now();
  trigger("poll");
}, CHECK_MS);
