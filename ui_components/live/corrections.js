// Corrections: saves a line and its audio to a dataset.

const UNREACHABLE = "Cannot reach the server. Try again when it is running.";

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

async function postCorrection({ session, index, text }) {
  const url = new URL("qal/corrections", location.href.split(/[?#]/)[0]);
  const body = JSON.stringify({ session, index, text, corpus: currentSettings().corpus });
  const throwUnreachable = () => { throw new Error(UNREACHABLE); };
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body }).catch(throwUnreachable);
  const result = await response.json().catch(throwUnreachable);
  if (!response.ok) throw new Error(result.message);
  return result;
}
