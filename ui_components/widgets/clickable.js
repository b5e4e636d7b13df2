// Sends the data-… attributes of a clicked element to the server. The server replaces the HTML in response; the scroll
// position and the keyboard focus are restored in the new HTML.
const ATTRIBUTES = ["sort", "key", "stop", "resume", "dismiss"];
const clickable = ATTRIBUTES.map((name) => `[data-${name}]`).join(", ");
const scroller = () => element.querySelector("[data-scrolls]");
let scrollTop = 0, focusedSelector = null;

const selectorOf = (node) => {
  const name = ATTRIBUTES.find((name) => name in node.dataset);
  return `[data-${name}="${CSS.escape(node.dataset[name])}"]`;
};
element.addEventListener("click", (event) => {
  const clicked = event.target.closest(clickable);
  if (clicked) trigger("select", {...clicked.dataset});
});
element.addEventListener("scroll", (event) => { if (event.target === scroller()) scrollTop = event.target.scrollTop; }, true);
element.addEventListener("focusin", (event) => {
  const focused = event.target.closest(clickable);
  focusedSelector = focused && selectorOf(focused);
});
element.addEventListener("focusout", (event) => { if (event.relatedTarget) focusedSelector = null; });
watch("value", () => {
  if (scroller()) scroller().scrollTop = scrollTop;
  const focusIsLost = document.activeElement === document.body;
  const target = focusedSelector && focusIsLost && element.querySelector(focusedSelector);
  if (target) (target.querySelector("button") ?? target).focus({preventScroll: true});
});
