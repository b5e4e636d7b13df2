// Corrections: a line and its sound, sent to a corpus.

// A line whose sound was kept can become a row of a corpus, as it stands, and again after it was changed.
function addButton(line) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.onclick = async () => {
    if (button.classList.contains("sending")) return;
    button.classList.add("sending");
    const { text } = line;
    try {
      const { corpus, rows } = await postCorrection(line);
      problem("");
      if (text === line.text) markAdded(button, true, `${rows} ${rows === 1 ? "line" : "lines"} in ${corpus}`);
    } catch (error) {
      problem(error.message);
    }
    button.classList.remove("sending");
  };
  markAdded(button, false);
  return button;
}

function markAdded(button, added, title = "Send this line, as it stands, with its sound") {
  button.className = added ? "add added" : "add";
  Object.assign(button, { textContent: added ? "✓ In corpus" : "Add to corpus", title });
}

async function postCorrection({ session, index, text }) {
  const url = new URL("qal/corrections", location.href.split(/[?#]/)[0]);
  const body = JSON.stringify({ session, index, text, corpus: settings().corpus });
  const unreachable = () => { throw new Error("The server cannot be reached; try again when it is back."); };
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(unreachable);
  const said = await answer.json().catch(unreachable);
  if (!answer.ok) throw new Error(said.message);
  return said;
}
