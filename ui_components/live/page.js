// The page: controls, level meter, and one pane of captions for each model. BADGES and METER_FLOOR_DB: view.py.

const COPIED_MS = 2000;
const MODEL_WAIT_MS = 5000, MODEL_CHECK_MS = 100; // Gradio fills the model drop-down after the page has loaded
const find = (selector) => element.querySelector(selector);
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const currentSettings = () => window.qalSettings ?? { ...DEFAULTS, compare: null, corpus: "" };
// The name of a model as its drop-down shows it; a fine-tuned model is known to the server by the id of its run.
const modelName = (setting, model) => document.querySelector(`#live-${setting} input`)?.value || model;
const languageName = (code) => new Intl.DisplayNames(["en"], { type: "language" }).of(code);
let audio = null; // the open AudioSource
let capturedS = 0; // audio since the page was loaded
let isOpening = false;
let languageSuffix = ""; // of the badge: the detected language

function showBadge(text, cssClass = "") {
  find(".qal-badge").textContent = text;
  find(".qal-badge").className = `qal-badge ${cssClass}`;
}
function showCopied() {
  const { textContent, className } = find(".qal-badge");
  showBadge(BADGES.copied);
  setTimeout(() => {
    if (find(".qal-badge").textContent === BADGES.copied) Object.assign(find(".qal-badge"), { textContent, className });
  }, COPIED_MS);
}
function showProblem(text) {
  find(".qal-problem").textContent = text;
  find(".qal-problem").hidden = !text;
}
function showRecording(isRecording) {
  find(".start").textContent = isRecording ? "Stop" : "Start";
  find(".start").disabled = false;
  find(".start").classList.toggle("on", isRecording);
  find(".source").disabled = isRecording;
  if (!isRecording) { showLevel({ rms: 0, speech_probability: 0 }); showBadge(BADGES.stopped); }
}
function showLevel(level) {
  const db = 20 * Math.log10(Math.max(level.rms, 1e-9));
  const share = Math.min(1, Math.max(0, 1 - db / METER_FLOOR_DB));
  find(".level i").style.width = `${Math.round(100 * share)}%`;
  find(".speech i").style.width = `${Math.round(100 * level.speech_probability)}%`;
}

// The captions of one model. The first pane is always shown, the second one only for a comparison.
class Pane {
  constructor(node, modelSetting) {
    this.node = node;
    this.modelSetting = modelSetting; // the setting that names its model
    this.captions = new CaptionList(node.querySelector(".qal-captions"));
    this.connection = null;
    this.sessionNumber = 0;
  }

  get isFirst() { return this === panes[0]; }
  get settings() { return completeSettings({ ...currentSettings(), model: currentSettings()[this.modelSetting] }); }

  // Applies the current settings: opens, changes or finishes the connection while audio is captured.
  applySettings() {
    const { model } = this.settings;
    this.node.querySelector("h3").textContent = model ? modelName(this.modelSetting, model) : "";
    this.node.hidden = !model && !this.isFirst;
    if (this.connection && !model) this.connection.finish();
    else if (this.connection) this.connection.change(this.settings);
    else if (audio && model) this.connect();
  }

  connect() {
    const sessionNumber = ++this.sessionNumber, offsetS = capturedS;
    const disconnected = (callback) => () => { this.connection = null; callback(); };
    const connection = (this.connection = new Connection(this.settings, {
      update: (message) => this.update(message, sessionNumber, offsetS, connection),
      waiting: (hasBeenOpen) => showBadge(hasBeenOpen ? BADGES.reconnecting : BADGES.loading),
      busy: showProblem,
      problem: showProblem,
      failed: (text) => {
        this.connection = null;
        showProblem(text);
        if (this.isFirst) stop();
        else showStoppedIfDone();
      },
      usesEvents: () => { find(".qal-transport").hidden = false; },
      finished: disconnected(showStoppedIfDone),
    }));
  }

  update(message, sessionNumber, offsetS, connection) {
    if (message.type === "ready") audience.follow(this.node, message.session);
    for (const caption of message.captions ?? []) this.captions.show(caption, sessionNumber, offsetS, connection);
    if (message.captions?.length) this.captions.search(find(".search").value);
    if (!this.isFirst) return;
    const detected = message.captions?.findLast((caption) => caption.final && caption.language)?.language;
    if (currentSettings().language) languageSuffix = "";
    else if (detected) languageSuffix = ` · ${languageName(detected)}`;
    if (message.type === "ready") showBadge(BADGES.listening + languageSuffix);
    if (message.level && audio) {
      const isSpeech = message.level.gate_open;
      showLevel(message.level);
      showBadge((isSpeech ? BADGES.speech : BADGES.listening) + languageSuffix, isSpeech ? "on" : "");
    }
  }
}

const panes = [...element.querySelectorAll(".lane")].map((node, i) => new Pane(node, i ? "compare" : "model"));
const connections = () => panes.map((pane) => pane.connection).filter(Boolean);
const showStoppedIfDone = () => { if (!audio && !connections().length) showRecording(false); };

async function start() {
  showProblem("");
  isOpening = true;
  for (let ms = 0; ms < MODEL_WAIT_MS && !currentSettings().model; ms += MODEL_CHECK_MS) await delay(MODEL_CHECK_MS);
  isOpening = false;
  if (!currentSettings().model) return showProblem("No model is selected. Choose one below.");
  const source = find(".source").value;
  isOpening = source === "file";
  const file = isOpening ? await chooseFile() : null;
  isOpening = false;
  if (source === "file" && !file) return;
  showRecording(true);
  showBadge(BADGES.loading);
  const opened = (audio = new AudioSource());
  const sendAudio = (pcm) => {
    capturedS += pcm.length / RATE;
    for (const connection of connections()) connection.sendAudio(pcm);
  };
  try {
    for (const pane of panes) pane.applySettings();
    await opened.open(source, file, sendAudio, () => audio === opened && stop());
  } catch (error) {
    await opened.close();
    if (audio !== opened) return; // stopped while it was opening
    showProblem(AUDIO_ERRORS[error.name] ?? error.message);
    await stop();
  }
}

async function stop() {
  const stopped = audio;
  audio = null;
  if (stopped) {
    showBadge(BADGES.finishing);
    find(".start").disabled = true;
    await stopped.close();
  }
  for (const connection of connections()) connection.finish();
  showStoppedIfDone();
}

function chooseFile() {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: "audio/*,video/*" });
  return new Promise((resolve) => {
    input.onchange = () => resolve(input.files[0]);
    input.oncancel = () => resolve(null);
    input.className = "qal-file";
    input.hidden = true;
    element.append(input);
    input.click();
  }).finally(() => input.remove());
}

function download(format) {
  const filled = panes.filter((pane) => pane.captions.lines.size);
  if (!filled.length) return showProblem("There are no captions yet.");
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  for (const pane of filled) {
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(new Blob([pane.captions.text(format)], { type: "text/plain;charset=utf-8" })),
      download: `captions-${time}${pane.isFirst ? "" : "-compared"}.${format}`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

find(".start").onclick = ({ detail }) => {
  if (detail > 1 || isOpening) return; // the second click of a double click
  if (audio) stop();
  else if (!connections().length) start();
};
find(".wipe").onclick = () => { panes.forEach((pane) => pane.captions.clear()); showProblem(""); };
find(".copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(panes[0].captions.text("txt"));
    showCopied();
  } catch { showProblem("The browser blocked copying. Use Download instead."); }
};
find(".download").onchange = (event) => { download(event.target.value); event.target.value = ""; };
find(".search").oninput = (event) => panes.forEach((pane) => pane.captions.search(event.target.value));
window.addEventListener("beforeunload", (event) => { if (audio) event.preventDefault(); }); // the browser asks first
document.addEventListener("qal-settings", () => panes.forEach((pane) => pane.applySettings()));
panes.forEach((pane) => pane.applySettings());
