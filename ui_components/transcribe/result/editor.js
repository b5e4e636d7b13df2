// The editor of a transcript. The server applies each operation, stores it, and returns the lines that have changed.

const SOUND = "Sound of the transcribed file"; // the label of the view of the sound, as in view.py
const POLL_MS = 1500, MARGIN_S = 0.08; // of sound before and after a word
const editor = element.querySelector(".qal-editor"), list = editor.querySelector("ol");
const statusLine = editor.querySelector(".status"), liveRegion = editor.querySelector("[aria-live]");
const timesForm = editor.querySelector("form.times"), searchField = editor.querySelector(".search");
const tools = Object.fromEntries([...editor.querySelectorAll("[data-tool]")].map((tool) => [tool.dataset.tool, tool]));
const shown = { id: null, version: 0, size: 0, isInProgress: false, isWorking: false, canUndo: false, canRedo: false, isWaiting: false };
const announce = (text) => { liveRegion.textContent = text; };
const lines = new Lines(list);
const selection = new Selection(lines, announce, () => updateTools());
let nextSelection = null, askedAt = 0, hasWords = false;

const say = (name, detail = {}) => document.dispatchEvent(new CustomEvent(name, { detail: { view: SOUND, ...detail } }));
const play = (start, end) => say("qal-play", { start, end });
const playWord = () => { const word = selection.current; if (word) play(word[1] - MARGIN_S, word[2] + MARGIN_S); };
const playLine = () => { const { segment } = selection; if (segment) play(segment.start - MARGIN_S, segment.end + MARGIN_S); };

function updateTools() {
  const { segment } = selection, isFree = !shown.isInProgress && !shown.isWaiting, hasLine = isFree && Boolean(segment);
  const possible = {
    undo: isFree && shown.canUndo, redo: isFree && shown.canRedo, word: hasLine && Boolean(selection.current), line: hasLine,
    split: hasLine && selection.word > 0, merge: hasLine && selection.line < lines.segments.length - 1,
    times: hasLine, delete: hasLine, add: hasLine, unsure: lines.segments.length > 0,
  };
  for (const [name, tool] of Object.entries(tools)) tool.disabled = !possible[name];
  if (!hasLine) timesForm.hidden = true;
  else if (!timesForm.hidden && !timesForm.contains(document.activeElement)) fillTimes();
}

// Sends an operation; `after` is [line, word] to select when it is done.
function sendOperation(operation, after = null) {
  if (shown.isWaiting || shown.isInProgress) return;
  nextSelection = after ?? [selection.line, selection.word];
  shown.isWaiting = true;
  updateTools();
  trigger("edit", { id: shown.id, version: shown.version, operation });
}

const operations = {
  undo: () => shown.canUndo && sendOperation({ kind: "undo" }),
  redo: () => shown.canRedo && sendOperation({ kind: "redo" }),
  word() {
    const node = lines.word(selection.line, selection.word), [line, word] = [selection.line, selection.word];
    if (!node || shown.isInProgress) return;
    const onSave = (text) => sendOperation({ kind: "word", segment: line, word, text }, [line, word]);
    editInPlace(node, node.textContent, { isLine: false, onSave, onEnd: () => lines.line(line)?.focus({ preventScroll: true }) });
  },
  line() {
    const { line } = selection, node = lines.line(line)?.querySelector(".text");
    if (!node || shown.isInProgress) return;
    const onSave = (text) => sendOperation({ kind: "text", segment: line, text }, [line, 0]);
    editInPlace(node, textOf(selection.segment), { isLine: true, onSave, onEnd: () => lines.line(line)?.focus({ preventScroll: true }) });
  },
  split: () => selection.word > 0 && sendOperation({ kind: "split", segment: selection.line, word: selection.word }, [selection.line + 1, 0]),
  merge: () => selection.line < lines.segments.length - 1 && sendOperation({ kind: "merge", segment: selection.line }),
  delete: () => sendOperation({ kind: "delete", segment: selection.line }),
  add: () => trigger("collect", { id: shown.id, segment: selection.line }),
  unsure: () => selection.nextUnsure(),
  times() {
    timesForm.hidden = !timesForm.hidden;
    if (timesForm.hidden) return;
    fillTimes();
    timesForm.querySelector(".start").focus();
  },
};

function fillTimes() {
  timesForm.querySelector(".start").value = selection.segment.start.toFixed(2);
  timesForm.querySelector(".end").value = selection.segment.end.toFixed(2);
}

timesForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const [start_s, end_s] = [".start", ".end"].map((name) => parseFloat(timesForm.querySelector(name).value));
  sendOperation({ kind: "times", segment: selection.line, start_s, end_s });
});
timesForm.addEventListener("click", ({ target }) => {
  const range = target.dataset?.shift, seconds = parseFloat(timesForm.querySelector(".seconds").value);
  if (target.classList.contains("close")) operations.times();
  if (range) sendOperation({ kind: "shift", segment: selection.line, last: range === "line" ? selection.line : null, seconds });
});
timesForm.addEventListener("keydown", (event) => { if (event.key === "Escape") { operations.times(); lines.line(selection.line)?.focus(); } });
editor.querySelector(".bar").addEventListener("mousedown", (event) => { if (event.target.dataset.tool) event.preventDefault(); }); // the focus stays
editor.querySelector(".bar").addEventListener("click", ({ target }) => {
  if (target.dataset?.tool && !target.disabled) operations[target.dataset.tool]();
});
searchField.addEventListener("input", () => {
  const found = lines.search(searchField.value);
  announce(found === null ? "" : `${found} lines`);
});

const placeOf = (target) => {
  const item = target.closest("li"), word = target.closest("i");
  if (!item) return null;
  return { line: lines.indexOf(item), word: word ? [...item.querySelectorAll("i")].indexOf(word) : null, isTime: Boolean(target.closest(".time")) };
};
list.addEventListener("click", (event) => {
  const place = placeOf(event.target);
  if (!place || event.target.matches(".correct")) return;
  selection.select(place.line, place.word ?? 0);
  if (place.isTime) playLine();
  else if (place.word !== null) playWord();
});
list.addEventListener("dblclick", (event) => {
  const place = placeOf(event.target);
  if (place?.word !== null && place && !shown.isInProgress) operations.word();
});
list.addEventListener("focus", () => { if (selection.line < 0) selection.select(0, 0); });

const KEYS = {
  ArrowLeft: () => selection.moveWord(-1), ArrowRight: () => selection.moveWord(1),
  ArrowUp: () => selection.moveLine(-1), ArrowDown: () => selection.moveLine(1),
  Home: () => selection.select(0, 0), End: () => selection.select(lines.segments.length - 1, 0),
  " ": () => (isPlaying ? say("qal-play") : play(selection.current?.[1] ?? selection.segment.start)),
  s: operations.split, m: operations.merge, u: operations.unsure, Delete: operations.delete,
};
list.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea") || selection.line < 0 || event.altKey) return;
  const isCommand = event.ctrlKey || event.metaKey, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  let effect = isCommand ? { z: event.shiftKey ? operations.redo : operations.undo, y: operations.redo }[key] : KEYS[key];
  if (key === "Enter" && !isCommand) effect = event.target.matches(".time") ? playLine : event.shiftKey ? operations.line : operations.word;
  if (!effect) return;
  event.preventDefault();
  event.stopPropagation();
  effect();
});

let isPlaying = false;
document.addEventListener("qal-position", ({ detail }) => {
  if (detail.view !== SOUND || !editor.isConnected) return;
  isPlaying = detail.isPlaying;
  selection.showPlaying(isPlaying ? detail.time : -1);
});
document.addEventListener("qal-no-sound", ({ detail }) => {
  if (detail.view === SOUND && editor.isConnected) statusLine.textContent = "The sound is not loaded yet.";
});

function apply(value) {
  if (!value) {
    shown.id = null;
    lines.reset([], false);
    selection.clear();
    return say("qal-words", { words: [] });
  }
  const isSame = value.id === shown.id, { segments, from, removed, kind } = value;
  for (const name of ["id", "version", "size", "isInProgress", "isWorking", "canUndo", "canRedo"]) shown[name] = value[name];
  shown.isWaiting = false;
  if (kind === "all") lines.reset(segments, isSame);
  else lines.replace(from, removed, segments);
  if (!isSame) { selection.clear(); searchField.value = ""; }
  editor.classList.toggle("is-empty", !lines.segments.length);
  editor.querySelector(".empty").textContent = shown.isWorking ? "The text appears here as it is transcribed." : "No speech was transcribed.";
  statusLine.textContent = shown.isWorking ? "Being transcribed. It can be corrected when it is done." : "";
  if (searchField.value) lines.search(searchField.value);
  const hasFocus = editor.contains(document.activeElement) || document.activeElement === document.body;
  if (nextSelection && isSame) selection.select(...nextSelection, { focus: hasFocus && !timesForm.contains(document.activeElement), isSilent: true });
  else if (selection.line >= 0) selection.show(false);
  else list.tabIndex = lines.segments.length ? 0 : -1;
  nextSelection = null;
  hasWords = segments.length > 0 || removed > 0 || kind === "all";
  if (hasWords) say("qal-words", { words: lines.spoken() });
  updateTools();
}

document.addEventListener("qal-file-resumed", ({ detail: id }) => { if (id === shown.id) shown.isInProgress = true; });
watch("value", () => apply(props.value || null));
apply(props.value || null);
const pollTimer = setInterval(() => {
  if (!editor.isConnected) return clearInterval(pollTimer);
  if (!shown.isInProgress || document.hidden || !editor.checkVisibility()) return;
  if (Date.now() - askedAt < POLL_MS * (1 + lines.segments.length / 500)) return; // a long text takes the server longer
  askedAt = Date.now();
  trigger("poll", { id: shown.id, count: lines.segments.length, size: shown.size, isWorking: shown.isWorking });
}, 500);
