// Keyboard and mouse in Gradio's drop-downs. A list opens on a click, a typed letter or an arrow key, not because Tab
// reached the field; it closes when the focus leaves; the focus stays in the field after a choice; a click on the only
// chosen entry of a drop-down for several values keeps it.
{
  const isField = (node) => node instanceof HTMLInputElement && node.getAttribute("role") === "combobox";
  const notTold = new WeakSet(); // fields with the focus of which Gradio was not told, so that their list is closed
  let isQuiet = false, keyboardUsedLast = false, chosenWithKey = null;

  const focusQuietly = (field) => {
    isQuiet = true;
    field.focus({ preventScroll: true });
    isQuiet = false;
  };
  const openList = (field) => {
    notTold.delete(field);
    field.dispatchEvent(new FocusEvent("focus"));
  };
  const stop = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  const keepFocusOut = () => document.querySelectorAll("ul.option-list").forEach((list) => { list.tabIndex = -1; });

  document.addEventListener("focus", (event) => {
    if (!isField(event.target) || !event.isTrusted || !(isQuiet || keyboardUsedLast)) return;
    notTold.add(event.target);
    event.stopPropagation();
  }, true);

  document.addEventListener("blur", (event) => {
    if (!isField(event.target)) return;
    if (notTold.delete(event.target)) event.stopPropagation();
    if (event.target !== chosenWithKey || event.relatedTarget) return;
    chosenWithKey = null; // Gradio removes the focus after a choice
    const field = event.target;
    setTimeout(() => { if (document.activeElement === document.body) focusQuietly(field); });
  }, true);

  document.addEventListener("keydown", (event) => {
    keyboardUsedLast = true;
    const field = event.target;
    chosenWithKey = isField(field) && event.key === "Enter" ? field : null;
    if (!isField(field)) return;
    if (event.key === "Tab") { // Gradio would open the list again
      keepFocusOut(); // browsers let Tab enter a list that scrolls
      event.stopPropagation();
    } else if (!notTold.has(field) || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    } else if (["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) {
      stop(event);
      openList(field);
    } else if (event.key.length === 1 || event.key === "Backspace") {
      openList(field);
    } else {
      event.stopPropagation();
    }
  }, true);

  document.addEventListener("mousedown", (event) => {
    keyboardUsedLast = false;
    const option = event.target.closest?.("ul.option-list li[role=option]");
    if (option) {
      const list = option.parentElement;
      const field = document.querySelector(`input[aria-controls="${CSS.escape(list.id)}"]`);
      const tokens = field?.closest(".wrap-inner")?.querySelectorAll(".token").length ?? 0;
      if (tokens === 1 && option.getAttribute("aria-selected") === "true") stop(event);
      else if (event.target !== option) { // Gradio reads the entry from the clicked element itself
        stop(event);
        option.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true }));
      }
      return;
    }
    const field = isField(event.target) ? event.target : null;
    const isClosed = field?.getAttribute("aria-expanded") === "false";
    if (field && field === document.activeElement && isClosed) openList(field);
  }, true);
}
