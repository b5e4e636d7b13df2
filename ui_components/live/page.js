// The page: controls, level meter, and one pane of captions for each model. The constants that are not here: view.py.

const COPIED_MS = 2000;
const MODEL_WAIT_MS = 5000, MODEL_CHECK_MS = 100; // Gradio fills the model drop-down after the page has loaded
const find = (selector) => element.querySelector(selector);
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const currentSettings = () => window.qalSettings ?? { ...DEFAULTS, compare: null, corpus: "" };
// The name of a model as its drop-down shows it; a fine-tuned model is known to the server by the id of its run.
const modelName = (setting, model) => document.querySelector(`#live-${setting} input`)?.value || model;
const languageName = (code) => new Intl.DisplayNames(["en"], { type: "language" }).of(code);
let audio = null; // the open AudioSource
let capturedSamples = 0; // of the session: the number of the next sample
let isOpening = false;
let isRestored = false; // the session of before a reload is shown
let isInterrupted = false; // by a reload or a crash; Start continues
let audioWatch = null; // AudioWatch while audio is captured
let seenTimer = 0;
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
function showNotice(text) {
  find(".qal-remark").textContent = text;
  find(".qal-remark").hidden = !text;
}
// An interruption of the audio with the button that mends it; null hides it.
function showInterruption(interruption) {
  find(".qal-interruption").hidden = !interruption;
  find(".qal-interruption span").textContent = interruption?.text ?? "";
  find(".qal-interruption button").textContent = interruption?.button ?? "";
}
function showRecording(isRecording) {
  find(".start").textContent = isRecording ? "Stop" : isInterrupted ? "Continue" : "Start";
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
  constructor(node, place) {
    this.node = node;
    this.place = place; // in the group of sessions
    this.captions = new CaptionList(node.querySelector(".qal-captions"));
    this.connection = null;
    this.busyNote = null; // the text of a refusal after which the connection was tried again
    this.discardedUntil = 0; // sample; packets before it are no longer stored in the browser
  }

  get isFirst() { return !this.place; }
  get isTranslation() { return !this.isFirst && currentSettings().compare === TRANSLATION; }
  get settings() {
    const { compare, ...settings } = currentSettings();
    if (this.isTranslation) return completeSettings({ ...settings, task: "translate" });
    return completeSettings(this.isFirst ? settings : { ...settings, model: compare });
  }
  get heading() {
    const { model } = this.settings;
    if (this.isTranslation) return `${TRANSLATION_NAME} · ${modelName("model", model)}`;
    return model ? modelName(this.isFirst ? "model" : "compare", model) : "";
  }

  // Applies the current settings: opens, changes or finishes the connection while audio is captured.
  applySettings() {
    const { model } = this.settings;
    if (model) this.node.querySelector("h3").textContent = this.heading;
    this.node.hidden = !model && !this.isFirst && !this.captions.lines.size;
    if (this.connection && !model) this.connection.finish();
    else if (this.connection) this.connection.change(this.settings);
    else if (audio && model) this.connect();
  }

  // Shows a recorded session.
  showSession({ session, model, task, captions }) {
    const hasAudio = (caption) => caption.has_audio && Boolean(caption.language);
    for (const caption of captions) this.captions.show(caption, session, hasAudio(caption));
    this.node.querySelector("h3").textContent = task === "translate" ? `${TRANSLATION_NAME} · ${model}` : model;
    this.node.hidden = false;
  }

  // Starts the session of this place, or continues it; what the page of before has not delivered is sent first.
  connect() {
    const { place } = this, { name, sessions } = group;
    const kept = keptPackets[place] ?? [];
    keptPackets[place] = null;
    const isCurrent = () => group.name === name;
    const nextSample = kept.length ? kept.at(-1).first + kept.at(-1).pcm.length : capturedSamples;
    const { lastIndex } = this.captions;
    const resumed = { session: sessions[place] ?? null, group: name, place, kept, nextSample, lastIndex };
    const disconnected = (callback) => (text) => {
      if (this.connection !== connection) return;
      this.connection = null;
      callback(text);
    };
    const connection = (this.connection = new Connection(this.settings, {
      opened: ({ session, next }) => {
        alignPackets(connection, nextSample, next);
        if (!isCurrent()) return;
        packets.discard(name, place);
        for (const packet of connection.kept) packets.add(name, place, packet); // with their new numbers
        capturedSamples = Math.max(capturedSamples, connection.nextSample);
        sessions[place] = session;
        saveGroup();
      },
      update: (message) => isCurrent() && this.update(message, connection),
      waiting: (hasBeenOpen) => showBadge(hasBeenOpen ? BADGES.reconnecting : BADGES.loading),
      busy: (text) => { this.busyNote = text; showProblem(text); },
      problem: showProblem,
      failed: disconnected((text) => {
        // For the next Start. The second pane alone would lag behind the audio that is captured meanwhile.
        if (connection.session && (this.isFirst || !connection.hasBeenOpen)) keptPackets[place] = connection.kept;
        showProblem(text);
        if (this.isFirst) stop();
        else showStoppedIfDone();
      }),
      usesEvents: () => { find(".qal-transport").hidden = false; },
      finished: () => {
        packets.discard(name, place);
        disconnected(showStoppedIfDone)();
      },
    }, resumed));
  }

  sendAudio(pcm) {
    const { connection } = this;
    if (!connection || connection.finishing) return;
    if (connection.nextSample - connection.ack < MAX_STORED_S * RATE)
      packets.add(group.name, this.place, { first: connection.nextSample, pcm });
    connection.sendAudio(pcm);
  }

  // Deletes the acknowledged packets from the browser's storage, about once a second.
  discardStored(connection) {
    if (connection.ack - this.discardedUntil < RATE) return;
    this.discardedUntil = connection.ack;
    packets.discard(group.name, this.place, connection.ack);
  }

  update(message, connection) {
    if (message.type === "ready") {
      audience.follow(this.node, message.session);
      if (find(".qal-problem").textContent === this.busyNote) showProblem("");
    }
    const hasAudio = (caption) => connection.savesAudio && Boolean(caption.language);
    for (const caption of message.captions ?? []) this.captions.show(caption, connection.session, hasAudio(caption));
    this.discardStored(connection);
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

const panes = [...element.querySelectorAll(".lane")].map((node, place) => new Pane(node, place));
const connections = () => panes.map((pane) => pane.connection).filter(Boolean);
const showStoppedIfDone = () => { if (!audio && !connections().length) showRecording(false); };

const input = new InputChoice(find(".qal-options"), openChosenInput, showNotice);
const screenLock = new ScreenLock();
const recent = new RecentSessions(find(".recent"), openGroup);
const view = new CaptionView(find(".qal-live"));

async function start() {
  showProblem("");
  showNotice("");
  isOpening = true;
  for (let ms = 0; ms < MODEL_WAIT_MS && !currentSettings().model; ms += MODEL_CHECK_MS) await delay(MODEL_CHECK_MS);
  isOpening = false;
  if (!currentSettings().model) return showProblem("No model is selected. Choose one below.");
  const source = find(".source").value;
  isOpening = source === "file";
  const file = isOpening ? await chooseFile() : null;
  isOpening = false;
  if (source === "file" && !file) return;
  isInterrupted = false;
  showRecording(true);
  showBadge(BADGES.loading);
  const sendAudio = (pcm) => {
    capturedSamples += pcm.length;
    for (const pane of panes) pane.sendAudio(pcm);
  };
  const opened = (audio = new AudioSource(source, () => input.open(), sendAudio, () => audio === opened && stop()));
  beginCapture(opened);
  try {
    for (const pane of panes) pane.applySettings();
    await opened.open(file);
    showInputName();
  } catch (error) {
    await opened.close();
    if (audio !== opened) return; // stopped while it was opening
    showProblem(AUDIO_ERRORS[error.name] ?? error.message);
    await stop();
  }
}

function beginCapture(source) {
  saveGroup({ isCapturing: true, source: source.source });
  seenTimer = setInterval(saveGroup, SEEN_INTERVAL_MS);
  audioWatch = new AudioWatch(source, showInterruption);
  screenLock.hold();
}

function endCapture() {
  clearInterval(seenTimer);
  saveGroup({ isCapturing: false });
  audioWatch.stop();
  screenLock.release();
  input.showName("");
}

function showInputName() {
  input.showName(audio?.source === "microphone" ? audio.capture?.tracks[0]?.label ?? "" : "");
}

async function openChosenInput() {
  if (audio?.source !== "microphone") return;
  showNotice("");
  await audio.reopen().catch((error) => showProblem(AUDIO_ERRORS[error.name] ?? error.message));
  showInputName();
}

async function stop() {
  const stopped = audio;
  audio = null;
  if (stopped) {
    endCapture();
    showBadge(BADGES.finishing);
    find(".start").disabled = true;
    await stopped.close();
  }
  for (const connection of connections()) connection.finish();
  showStoppedIfDone();
}

// Begins a new session; the one before stays among the recent sessions. Captioning continues.
async function clearPage() {
  const ended = connections();
  for (const pane of panes) {
    pane.connection = null;
    pane.captions.clear();
  }
  for (const connection of ended) connection.finish();
  capturedSamples = 0;
  keptPackets = [];
  isInterrupted = false;
  showProblem("");
  showNotice("");
  const isHeld = startNewGroup();
  if (audio) saveGroup({ isCapturing: true, source: audio.source });
  else showRecording(false);
  for (const pane of panes) pane.applySettings();
  await isHeld;
  recent.update();
}

// Shows a recorded group; Start continues it.
async function openGroup(members) {
  if (audio || connections().length) return showProblem("Press Stop before you open another session.");
  await clearPage();
  releaseGroup();
  const { group: name, started } = members[0];
  const sessions = panes.map(({ place }) => members.find((member) => member.place === place)?.session ?? null);
  group = { ...newGroup(), started: 1000 * started, sessions };
  group.name = name || members[0].session; // sessions of an earlier version have no group
  if (!(await holdGroup(group.name))) {
    await startNewGroup();
    return showProblem("This session is open in another tab.");
  }
  await showGroup();
  saveGroup();
  recent.update();
  find(".qal-live").scrollIntoView({ block: "start" });
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
  else if (connections().length) return;
  else if (isRestored) start();
  else restored.then(() => audio || start());
};
find(".wipe").onclick = clearPage;
find(".qal-interruption button").onclick = async () => { await audioWatch?.mend(); showInputName(); };
find(".copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(panes[0].captions.text("txt"));
    showCopied();
  } catch { showProblem("The browser blocked copying. Use Download instead."); }
};
find(".download").onchange = (event) => { download(event.target.value); event.target.value = ""; };
find(".search").oninput = (event) => panes.forEach((pane) => pane.captions.search(event.target.value));
window.addEventListener("beforeunload", (event) => { if (audio) event.preventDefault(); }); // the browser asks first
window.addEventListener("pagehide", () => audio && saveGroup());
document.addEventListener("qal-settings", () => {
  storeValue("sessionStorage", SETTINGS_KEY, window.qalSettings);
  panes.forEach((pane) => pane.applySettings());
});
panes.forEach((pane) => pane.applySettings());
const restored = restoreGroup().finally(() => { isRestored = true; }); // Start waits for it
