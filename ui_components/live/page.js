// The page: controls, meter, and a lane for each model that hears the voice.

const find = (name) => element.querySelector(name);
const settings = () => window.qalSettings ?? { ...DEFAULTS, compare: null, corpus: "" };
const sound = { now: null };
let heardS = 0, opening = false, spoken = ""; // the language that was detected
const nameOf = (code) => new Intl.DisplayNames(["en"], { type: "language" }).of(code);

function state(text, kind = "") {
  find(".qal-badge").textContent = text;
  find(".qal-badge").className = `qal-badge ${kind}`;
}
function problem(text) {
  find(".qal-problem").textContent = text;
  find(".qal-problem").hidden = !text;
}
function recording(on) {
  find(".start").textContent = on ? "Stop" : "Start";
  find(".start").disabled = false;
  find(".start").classList.toggle("on", on);
  find(".source").disabled = on;
  if (!on) { meter({ rms: 0, speech_probability: 0 }); state("off"); }
}
function meter(level) {
  const db = 20 * Math.log10(Math.max(level.rms, 1e-9));
  find(".level i").style.width = `${Math.round(100 * Math.min(1, Math.max(0, 1 + db / 60)))}%`;
  find(".speech i").style.width = `${Math.round(100 * level.speech_probability)}%`;
}

// One model's captions: the first lane always, a second one where two models hear the same voice.
class Lane {
  constructor(node, name) {
    Object.assign(this, { node, name, board: new Board(node.querySelector(".qal-captions")), wire: null, part: 0 });
  }

  get first() { return this === lanes[0]; }
  get wanted() { return told({ ...settings(), model: settings()[this.name] }); }

  // Follows the settings: opens, changes or ends its wire while somebody speaks.
  follow() {
    const { model } = this.wanted;
    this.node.querySelector("h3").textContent = model ?? "";
    this.node.hidden = !model && !this.first;
    if (this.wire && !model) this.wire.finish();
    else if (this.wire) this.wire.change(this.wanted);
    else if (sound.now && model) this.open();
  }

  open() {
    const part = ++this.part, offsetS = heardS;
    const ended = (then) => () => { this.wire = null; then(); };
    const wire = (this.wire = new Wire(this.wanted, {
      update: (message) => this.update(message, part, offsetS, wire),
      waiting: (before) => state(before ? "reconnecting; nothing is lost" : "loading the model"),
      busy: problem,
      problem,
      failed: (reason) => { this.wire = null; problem(reason); this.first ? stop() : quietIfOver(); },
      refused: ended(() => { stop(); fallBack(); }),
      finished: ended(quietIfOver),
    }));
  }

  update(message, part, offsetS, wire) {
    for (const caption of message.captions ?? []) this.board.show(caption, part, offsetS, wire);
    if (message.captions?.length) this.board.search(find(".search").value);
    if (!this.first) return;
    const code = message.captions?.findLast((caption) => caption.final && caption.language)?.language;
    spoken = settings().language ? "" : code ? ` · ${nameOf(code)}` : spoken;
    if (message.type === "ready") state(`listening${spoken}`);
    if (message.level && sound.now) {
      meter(message.level);
      state((message.level.gate_open ? "speech" : "listening") + spoken, message.level.gate_open ? "on" : "");
    }
  }
}

const lanes = [...element.querySelectorAll(".lane")].map((node, i) => new Lane(node, i ? "compare" : "model"));
const wires = () => lanes.map((lane) => lane.wire).filter(Boolean);
const quietIfOver = () => { if (!sound.now && !wires().length) recording(false); };

async function start() {
  problem("");
  opening = true;
  for (let i = 0; i < 50 && !settings().model; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  opening = false;
  if (!settings().model) return problem("There is no model to caption with; choose one below.");
  const source = find(".source").value;
  opening = source === "file";
  const file = opening ? await chosenFile() : null;
  opening = false;
  if (source === "file" && !file) return;
  recording(true);
  state("loading the model");
  const mine = (sound.now = new Sound());
  const heard = (pcm) => { heardS += pcm.length / RATE; for (const wire of wires()) wire.send(pcm); };
  try {
    for (const lane of lanes) lane.follow();
    await mine.open(source, file, heard, () => sound.now === mine && stop());
  } catch (error) {
    await mine.close();
    if (sound.now !== mine) return; // stopped while it opened
    problem(REASONS[error.name] ?? error.message);
    await stop();
  }
}

async function stop() {
  const now = sound.now;
  sound.now = null;
  if (now) { state("finishing"); find(".start").disabled = true; await now.close(); }
  for (const wire of wires()) wire.finish();
  quietIfOver();
}

function chosenFile() {
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

function fallBack() {
  document.querySelector(".qal-fallback").classList.add("shown");
  find(".qal-live").classList.add("no-socket");
  problem("This network lets no live socket through; the slower recorder below is used instead.");
}

function download(format) {
  const spoken = lanes.filter((lane) => lane.board.lines.size);
  if (!spoken.length) return problem("There are no captions yet.");
  const at = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  for (const lane of spoken) {
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(new Blob([lane.board.text(format)], { type: "text/plain;charset=utf-8" })),
      download: `captions-${at}${lane.first ? "" : "-compared"}.${format}`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

find(".start").onclick = ({ detail }) => {
  if (detail > 1 || opening) return; // a double click is one
  if (sound.now) stop();
  else if (!wires().length) start();
};
find(".wipe").onclick = () => { lanes.forEach((lane) => lane.board.clear()); problem(""); };
find(".copy").onclick = async () => {
  try {
    await navigator.clipboard.writeText(lanes[0].board.text("txt"));
    state("copied");
  } catch { problem("The browser did not allow it; use Download."); }
};
find(".download").onchange = (event) => { download(event.target.value); event.target.value = ""; };
find(".search").oninput = (event) => lanes.forEach((lane) => lane.board.search(event.target.value));
window.addEventListener("beforeunload", (event) => { if (sound.now) event.preventDefault(); }); // the browser asks
document.addEventListener("qal-settings", () => lanes.forEach((lane) => lane.follow()));
lanes.forEach((lane) => lane.follow());
