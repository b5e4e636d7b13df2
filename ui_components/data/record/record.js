// The Record page of the Data tab: the form, then one sentence at a time. All that is recorded is on the server.

const root = element.querySelector(".qal-record"), form = root.querySelector(".setup"), panel = root.querySelector(".session");
const find = (selector) => root.querySelector(selector);
const LAST_KEY = "qal-record-last"; // dataset, speaker and language of the last recording, in this browser
const post = (action, content) => postJson(`qal/recordings/${action}`, content);
const fields = form.elements, player = new Audio();
const state = { session: null, index: 0, take: null, isSaving: false, recordings: [], isListed: false };

const input = new InputChoice(root, () => {}, (note) => showNote(note));

function showMessage(node, text) {
  node.hidden = !text;
  node.textContent = text;
}
const showError = (text) => showMessage(find(":scope > .problem"), text);
function showNote(text, isProblem = false) {
  const verdict = find(".verdict");
  verdict.classList.toggle("problem", isProblem);
  showMessage(verdict, text);
}
const sentenceText = (text) => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

async function attempt(work) {
  try { showError(""); return await work(); } catch (error) { showError(sentenceText(error.message)); }
}

// --- the form ---

const chosen = () => state.recordings.find(({ name }) => name === fields.existing.value);

function showForm() {
  const existing = chosen(), language = existing?.language ?? fields.language.value;
  for (const node of form.querySelectorAll(".new")) {
    node.hidden = Boolean(existing);
    node.querySelector("input, select").disabled = Boolean(existing);
  }
  const hasBuiltIn = BUILT_IN.includes(language), builtIn = form.querySelector(".built-in");
  builtIn.querySelector("span").textContent = existing ? `The ${existing.sentences} sentences of this dataset`
    : hasBuiltIn ? "Built-in sentences" : "Built-in sentences (none in this language)";
  builtIn.querySelector("input").disabled = !existing && !hasBuiltIn;
  if (!existing && !hasBuiltIn) fields.list.value = "own";
  form.querySelector(".own").hidden = fields.list.value !== "own";
  fields.text.required = fields.list.value === "own";
  const known = existing?.speakers.includes(fields.speaker.value);
  form.querySelector(".consent-text").hidden = known;
  fields.agreed.closest("label").hidden = known;
  fields.agreed.required = !known;
  form.querySelector("datalist").replaceChildren(...(existing?.speakers ?? []).map((name) => new Option(name, name)));
  form.querySelector("[type=submit]").textContent = known ? "Continue recording" : "Begin recording";
}

function chooseLanguage(codes) {
  const options = [...fields.language.options].map(({ value }) => value);
  fields.language.value = codes.find((code) => options.includes(code));
}

async function listRecordings() {
  const { recordings } = await post("list", {});
  state.recordings = recordings;
  const last = loadValue("localStorage", LAST_KEY, {}), current = fields.existing.value;
  const label = ({ name, language }) => `${name} · ${LANGUAGE_NAMES[language] ?? language}`;
  fields.existing.replaceChildren(new Option("New dataset", ""), ...recordings.map((r) => new Option(label(r), r.name)));
  const known = (name) => recordings.some((recording) => recording.name === name);
  fields.existing.value = known(current) ? current : known(last.name) ? last.name : "";
  if (!fields.speaker.value && last.speaker) fields.speaker.value = last.speaker;
  if (!state.isListed) chooseLanguage([last.language, navigator.language.slice(0, 2), "en"]);
  state.isListed = true;
  showForm();
}

form.oninput = showForm;
form.querySelector(".text-file").onchange = async ({ target }) => {
  const [file] = target.files;
  if (file) fields.text.value = await file.text();
  target.value = "";
};
form.onsubmit = (event) => {
  event.preventDefault();
  attempt(async () => {
    const existing = chosen(), name = existing?.name ?? fields.name.value, speaker = fields.speaker.value;
    const language = existing?.language ?? fields.language.value;
    const text = fields.list.value === "own" ? fields.text.value : "";
    openSession(await post("begin", { name, speaker, language, text, consent: fields.consent.value }));
    storeValue("localStorage", LAST_KEY, { name, speaker, language });
    fields.text.value = "";
  });
};

// --- the sentences ---

const isRecorded = ({ recorded_s }) => recorded_s !== null;
const current = () => state.session.sentences[state.index];
const setBadge = (text) => { find(".session .qal-badge").textContent = text; };

function openSession(session) {
  state.session = session;
  const first = session.sentences.findIndex((sentence) => !isRecorded(sentence));
  form.hidden = true;
  panel.hidden = false;
  find(".title").textContent = `${session.name} · ${session.speaker}`;
  showSentence(first < 0 ? session.sentences.length - 1 : first);
  panel.focus();
}

function showSentence(index) {
  const { sentences, language } = state.session;
  state.index = Math.max(0, Math.min(index, sentences.length - 1));
  const sentence = find(".sentence");
  sentence.textContent = current().text;
  sentence.lang = language;
  showNote("");
  player.pause();
  updateButtons();
}

function updateButtons() {
  const { sentences } = state.session, done = sentences.filter(isRecorded).length, isBusy = Boolean(state.take) || state.isSaving;
  const seconds = sentences.reduce((sum, { recorded_s }) => sum + (recorded_s ?? 0), 0);
  const minutes = seconds >= 60 ? `${(seconds / 60).toFixed(1)} min` : `${Math.round(seconds)} s`;
  find(".count").textContent = `Sentence ${state.index + 1} of ${sentences.length}. ${done} recorded, ${minutes}.`;
  find(".progress i").style.width = `${(100 * done) / sentences.length}%`;
  const record = find(".record");
  record.textContent = state.take ? "Stop" : isRecorded(current()) ? "Record again" : "Record";
  record.classList.toggle("on", Boolean(state.take));
  record.disabled = state.isSaving;
  for (const name of ["listen", "delete"]) find(`.session .${name}`).disabled = isBusy || !isRecorded(current());
  find(".previous").disabled = isBusy || state.index === 0;
  find(".next").disabled = isBusy || state.index === sentences.length - 1;
  find(".session .leave").disabled = isBusy;
  find(".all ol").replaceChildren(...sentences.map((sentence, index) => {
    const item = document.createElement("li"), button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: sentence.text, dir: "auto", disabled: isBusy });
    button.setAttribute("aria-current", index === state.index);
    button.setAttribute("aria-label", `${isRecorded(sentence) ? "Recorded" : "Not recorded"}: ${sentence.text}`);
    button.className = isRecorded(sentence) ? "done" : "";
    button.onclick = () => { showSentence(index); panel.focus(); };
    item.append(button);
    return item;
  }));
}

function showLevel(peak) {
  const db = 20 * Math.log10(Math.max(peak, 1e-6)), bar = find(".session .level i");
  bar.style.width = `${Math.max(0, Math.min(100, 100 * (1 - db / METER_FLOOR_DB)))}%`;
  bar.classList.toggle("clipped", peak > 0.99);
}

async function startTake() {
  player.pause();
  showNote("");
  const take = new Take(() => input.open(), showLevel, stopTake);
  state.take = take;
  setBadge("Opening the microphone...");
  updateButtons();
  try {
    await take.open();
    input.showName(take.source.capture?.tracks[0]?.label ?? "");
    if (state.take === take) setBadge("Recording: read the sentence");
  } catch (error) {
    state.take = null;
    setBadge("Ready");
    updateButtons();
    showError((AUDIO_ERRORS[error.name] ?? sentenceText(error.message)).replace("press Start", "press Record"));
  }
}

async function stopTake() {
  const { take, session, index } = state;
  if (!take || state.isSaving) return;
  state.isSaving = true;
  setBadge("Saving...");
  updateButtons();
  try {
    const pcm = await take.close();
    const request = { name: session.name, speaker: session.speaker, sentence: index, audio: toBase64(pcm) };
    const { recorded_s, file, warnings } = await post("add", request);
    Object.assign(session.sentences[index], { recorded_s, file, version: Date.now() });
    showNote(warnings.join(" ") || `Recorded, ${recorded_s.toFixed(1)} s.`, warnings.length > 0);
  } catch (error) {
    showNote(sentenceText(error.message), true);
  }
  Object.assign(state, { take: null, isSaving: false });
  setBadge("Ready");
  showLevel(0);
  updateButtons();
}

function toggleRecording() {
  if (state.take) stopTake();
  else if (!state.isSaving) startTake();
}

function listen() {
  const { file, version = 0 } = current();
  if (!file || state.take) return;
  const path = file.split("/").map(encodeURIComponent).join("/");
  player.src = new URL(`gradio_api/file=${path}?version=${version}`, location.href.split(/[?#]/)[0]);
  player.play().catch((error) => showNote(`The recording cannot be played: ${error.message}`, true));
}

// The next sentence that is not recorded; the next one if all are.
function goNext() {
  const { sentences } = state.session, later = sentences.findIndex((s, i) => i > state.index && !isRecorded(s));
  showSentence(later < 0 ? state.index + 1 : later);
}

async function deleteTake() {
  const { name, speaker } = state.session;
  await attempt(async () => {
    Object.assign(state.session, await post("remove", { name, speaker, sentence: state.index }));
    showNote("The recording was deleted.");
    updateButtons();
  });
}

function leave() {
  player.pause();
  panel.hidden = true;
  form.hidden = false;
  trigger("recorded", { name: state.session.name });
  state.session = null;
  attempt(listRecordings);
}

find(".record").onclick = toggleRecording;
find(".session .listen").onclick = listen;
find(".next").onclick = goNext;
find(".previous").onclick = () => showSentence(state.index - 1);
find(".session .delete").onclick = deleteTake;
find(".session .leave").onclick = leave;

const KEYS = {
  r: toggleRecording, l: listen, p: () => state.index > 0 && showSentence(state.index - 1),
  n: () => state.index < state.session.sentences.length - 1 && goNext(),
};
panel.addEventListener("keydown", (event) => {
  const run = KEYS[event.key.toLowerCase()], isField = event.target.matches("input, select, textarea");
  if (!run || isField || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const isBusy = state.take || state.isSaving;
  if (isBusy && run !== toggleRecording) return;
  event.preventDefault();
  event.stopPropagation();
  run();
});
window.addEventListener("beforeunload", (event) => { if (state.take) event.preventDefault(); });

// The form is filled when the page is seen, not before: another page may have recorded meanwhile.
new ResizeObserver(() => { if (root.checkVisibility() && !state.session) attempt(listRecordings); }).observe(root);
