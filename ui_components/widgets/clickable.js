// What is pressed inside this piece of HTML, told to the server by its data-… attributes. The server answers with the
// piece anew; what was scrolled and focused in it stays so.
const NAMES = ["sort", "key", "stop", "forget", "resume", "dismiss"];
const pressable = NAMES.map((name) => `[data-${name}]`).join(", ");
const scroller = () => element.querySelector("[data-scrolls]");
let scrolled = 0, focused = null;

const selectorOf = (one) => {
  const name = NAMES.find((name) => name in one.dataset);
  return `[data-${name}="${CSS.escape(one.dataset[name])}"]`;
};
element.addEventListener("click", (event) => {
  const pressed = event.target.closest(pressable);
  if (pressed) trigger("select", {...pressed.dataset});
});
element.addEventListener("scroll", (event) => { if (event.target === scroller()) scrolled = event.target.scrollTop; }, true);
element.addEventListener("focusin", (event) => {
  const at = event.target.closest(pressable);
  focused = at && selectorOf(at);
});
element.addEventListener("focusout", (event) => { if (event.relatedTarget) focused = null; });
watch("value", () => {
  if (scroller()) scroller().scrollTop = scrolled;
  const at = focused && document.activeElement === document.body && element.querySelector(focused);
  if (at) (at.querySelector("button") ?? at).focus({preventScroll: true});
});
