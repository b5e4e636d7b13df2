// Corrections: keeps the corrected text of a line on the server, and saves the line and its audio to a dataset.

// The button of a line whose audio was saved. A line that was changed after it was added can be added again.
function addButton(line) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.onclick = async () => {
    if (button.classList.contains("sending")) return;
    button.classList.add("sending");
    const { text } = line;
    try {
      const { corpus, rows } = await postCorrection(line);
      showProblem("");
      if (text === line.text) setButtonState(button, true, `${rows} ${rows === 1 ? "example" : "examples"} in ${corpus}`);
    } catch (error) {
      showProblem(error.message);
    }
    button.classList.remove("sending");
  };
  setButtonState(button, false);
  return button;
}

function setButtonState(button, isAdded, title = "Save this line and its audio to the dataset") {
  button.className = isAdded ? "add added" : "add";
  Object.assign(button, { textContent: isAdded ? "✓ In dataset" : "Add to dataset", title });
}

const postCorrection = ({ session, index, text }) =>
  postJson("qal/corrections", { session, index, text, corpus: currentSettings().corpus });

// Lets the text of a line be corrected; Enter ends a correction, Escape undoes it. It is kept on the server.
function makeEditable(item, line) {
  const node = item.querySelector("span");
  Object.assign(node, { contentEditable: "plaintext-only", spellcheck: false, title: "Click to correct" });
  let before = null; // the nodes, text and words of the line when the correction began
  const showText = (text, words) => {
    Object.assign(line, { text, words });
    if (line.hasAudio) setButtonState(item.querySelector(".add"), false);
  };
  node.onfocus = () => {
    before = { nodes: [...node.childNodes].map((child) => child.cloneNode(true)), text: line.text, words: line.words };
  };
  node.oninput = () => showText(node.innerText.replace(/\s+/g, " ").trim(), []);
  node.onkeydown = (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape" && before.text !== line.text) {
      node.replaceChildren(...before.nodes);
      showText(before.text, before.words);
    }
    node.blur();
  };
  node.onblur = async () => {
    if (!before || before.text === line.text) return;
    const { session, index, text } = line;
    before = null;
    try {
      await postJson("qal/sessions/edit", { session, index, text });
      item.classList.add("edited");
    } catch (error) { showProblem(`The correction is on this page only: ${error.message}`); }
  };
}
