// Fields in which a word or a line is corrected, in the place of its text: Enter saves, Escape cancels, leaving saves.

function editInPlace(node, text, { isLine, onSave, onEnd }) {
  const field = document.createElement(isLine ? "textarea" : "input");
  field.value = text;
  field.className = "correct";
  field.setAttribute("aria-label", isLine ? "Text of the line" : "Word");
  field.dir = "auto";
  let isOver = false;
  const fit = () => {
    if (!isLine) return void (field.style.width = `${Math.max(3, field.value.length + 2)}ch`);
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight + 2}px`;
  };
  const end = (isSaved) => {
    if (isOver) return;
    isOver = true;
    const value = field.value.replace(/\s+/g, " ").trim();
    field.replaceWith(node);
    if (isSaved && value !== text.trim()) onSave(value);
    onEnd();
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") { event.preventDefault(); end(true); }
    if (event.key === "Escape") { event.preventDefault(); end(false); }
  });
  field.addEventListener("input", fit);
  field.addEventListener("blur", () => end(true));
  for (const name of ["click", "dblclick"]) field.addEventListener(name, (event) => event.stopPropagation());
  node.replaceWith(field);
  fit();
  field.focus();
  field.select();
}
