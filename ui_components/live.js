// The Live page's own part: sound in, packets up, captions down. Gradio runs it once, with `element`.
// Protocol: captions/protocol.py. Everything that is not acknowledged is kept and sent again after a break.

const RATE = 16000;
const PACKET = 1536; // samples, 96 ms
const RETRY_MS = [300, 600, 1200, 2500, 5000];
const MAX_KEPT_S = 1800; // of sound, while the connection is broken

// Browsers resample a microphone to the context's rate, except older ones (Firefox 140): there the worklet does it, by
// a windowed sinc. Outputs fall on few places between two inputs (PHASES), so each place's weights are made once.
const WORKLET = `const STEP = sampleRate / ${RATE}, WIDTH = Math.max(1, STEP), LOBES = 20, HALF = Math.ceil(LOBES * WIDTH);
const divisor = (a, b) => (b ? divisor(b, a % b) : a);
const PHASES = ${RATE} / divisor(sampleRate, ${RATE});
const kernel = (x) => {
  const t = x / WIDTH;
  if (Math.abs(t) >= LOBES) return 0;
  const sinc = t ? Math.sin(Math.PI * t) / (Math.PI * t) : 1;
  return sinc * (0.5 + 0.5 * Math.cos(Math.PI * t / LOBES)) / WIDTH;
};
const weights = Array.from({ length: PHASES + 1 }, (_, phase) =>
  Float32Array.from({ length: 2 * HALF + 1 }, (_, k) => kernel(k - HALF - phase / PHASES)));
registerProcessor("qal-packets", class extends AudioWorkletProcessor {
  constructor() {
    super();
    Object.assign(this, { packet: new Int16Array(${PACKET}), filled: 0, recent: new Float32Array(HALF), at: HALF });
    this.port.onmessage = () => this.send();
  }
  send() { this.port.postMessage(this.packet.slice(0, this.filled)); this.filled = 0; }
  put(sample) {
    this.packet[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    if (this.filled === ${PACKET}) this.send();
  }
  resample(mono) {
    const all = new Float32Array(this.recent.length + mono.length);
    all.set(this.recent); all.set(mono, this.recent.length);
    for (; this.at + HALF < all.length; this.at += STEP) {
      const whole = Math.floor(this.at), row = weights[Math.round((this.at - whole) * PHASES)];
      let sum = 0;
      for (let k = 0; k < row.length; k++) sum += all[whole - HALF + k] * row[k];
      this.put(sum);
    }
    const behind = Math.floor(this.at) - HALF;
    this.recent = all.slice(behind);
    this.at -= behind;
  }
  process([channels]) {
    const mono = new Float32Array(channels.length ? channels[0].length : 128);
    for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
    if (STEP === 1) mono.forEach((sample) => this.put(sample));
    else this.resample(mono);
    return true;
  }
});`;

const REASONS = {
  NotAllowedError: "The browser did not allow it; allow the microphone beside the page's address, then press Start again.",
  NotFoundError: "No microphone was found; plug one in, or choose another source.",
  NotReadableError: "Another program is using the microphone; close it, then press Start again.",
  EncodingError: "This file is not readable as audio; choose a WAV, MP3, OGG or FLAC file.",
};

// ---- sound -------------------------------------------------------------------------------------------------

class Sound {
  // Opens a source and calls `packet(Int16Array)` for each 96 ms of it, `ended()` when a file is over.
  async open(source, file, packet, ended) {
    if (!window.isSecureContext)
      throw new Error("A browser gives sound only to a page at https or localhost; open this page that way.");
    const input = source === "file" ? await this.fileInput(file, ended) : await this.streamInput(source, ended);
    const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
    await this.context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    if (this.closed) return void (await this.context.close());
    this.node = new AudioWorkletNode(this.context, "qal-packets", { numberOfOutputs: 0 });
    this.node.port.onmessage = (event) => event.data.length && packet(event.data);
    input.connect(this.node);
    if (source === "file") input.start();
    await this.context.resume();
  }

  async fileInput(file, ended) {
    this.context = new AudioContext({ sampleRate: RATE });
    const buffer = await this.context.decodeAudioData(await file.arrayBuffer());
    const node = new AudioBufferSourceNode(this.context, { buffer });
    node.onended = () => setTimeout(ended, 200);
    return node;
  }

  async streamInput(source, ended) {
    const stream = source === "tab"
      ? await navigator.mediaDevices.getDisplayMedia({ audio: true, video: true })
      : await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, noiseSuppression: true } });
    this.tracks = stream.getAudioTracks();
    stream.getVideoTracks().forEach((track) => track.stop());
    if (this.closed) this.tracks.forEach((track) => track.stop());
    if (!this.tracks.length) throw new Error("No sound was shared; choose a tab and tick its audio.");
    this.tracks[0].onended = ended;
    const mediaStream = new MediaStream(this.tracks);
    try {
      this.context = new AudioContext({ sampleRate: RATE });
      return new MediaStreamAudioSourceNode(this.context, { mediaStream });
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      await this.context?.close();
      this.context = new AudioContext();
      return new MediaStreamAudioSourceNode(this.context, { mediaStream });
    }
  }

  async close() {
    this.closed = true; // what is still opening stops by itself
    this.tracks?.forEach((track) => track.stop());
    if (!this.context || this.context.state === "closed") return;
    if (this.node) {
      this.node.port.postMessage("send");
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    await this.context.close();
  }
}

// ---- the wire ----------------------------------------------------------------------------------------------

// What the server is told; Gradio knows null where a box is empty.
const DEFAULTS = { model: null, language: null, task: "transcribe", mode: "gated", expect: "", previous_text: false,
  gate: {}, keep_sound: false };
const plain = (settings) => JSON.stringify(Object.keys(DEFAULTS).map((name) => {
  const value = settings[name] ?? DEFAULTS[name];
  return name === "gate" ? Object.entries(value).sort() : value;
}));

class Wire {
  // One session: keeps what is not acknowledged, comes back after breaks.
  constructor(settings, on) {
    Object.assign(this, { settings, on, session: null, kept: [], next: 0, ack: 0, tries: 0, opened: false, last: -1 });
    this.finishing = this.over = this.ready = false;
    this.keeps = settings.keep_sound; // what the server does; a wish made without a connection does not reach back
    this.connect();
  }

  connect() {
    const url = new URL("qal/live", location.href.split(/[?#]/)[0]);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(url));
    const here = () => ({ session: this.session, kept_from: this.keptFrom(), last_index: this.last });
    const keep = () => ({ keep_sound: this.keeps && this.settings.keep_sound });
    socket.onopen = () => socket.send(JSON.stringify({ ...this.settings, ...keep(), ...here() }));
    socket.onmessage = (event) => socket === this.socket && this.hear(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.socket && this.lost(event);
  }

  keptFrom() { return this.kept.length ? this.kept[0].first : this.next; }

  send(pcm) {
    if (this.finishing) return;
    const packet = { first: this.next, pcm };
    this.next += pcm.length;
    this.kept.push(packet);
    if (this.next - this.kept[0].first > MAX_KEPT_S * RATE) this.kept.shift();
    if (this.ready) this.post(packet);
  }

  post({ first, pcm }) {
    const data = new ArrayBuffer(8 + 2 * pcm.length);
    new DataView(data).setBigUint64(0, BigInt(first), true);
    new Int16Array(data, 8).set(pcm); // browsers run on little-endian machines
    this.socket.send(data);
  }

  change(settings) {
    const same = plain(settings) === plain(this.settings);
    this.settings = settings;
    if (this.ready && !same) this.socket.send(JSON.stringify({ do: "change", ...settings }));
  }

  finish() {
    this.finishing = true;
    if (this.ready) this.socket.send(JSON.stringify({ do: "finish" }));
  }

  hear(message) {
    if (message.type === "error") return message.retry && this.opened ? this.on.busy(message.message) : this.fail(message.message);
    if (message.type === "problem") return this.on.problem(message.message);
    if (message.type === "finished") return this.end();
    if (message.type === "ready") this.keeps = Boolean(message.keep_sound);
    if (message.type === "ready" && !this.ready) {
      Object.assign(this, { session: message.session, ready: true, opened: true, tries: 0 });
      const wanted = this.settings;
      this.settings = message;
      if (message.keep_sound && !wanted.keep_sound) this.change(wanted); // before the server gets what was said since
      for (const packet of this.kept) if (packet.first + packet.pcm.length > message.next) this.post(packet);
      this.change(wanted); // chosen while there was no connection
      if (this.finishing) this.finish();
    }
    for (const caption of message.captions ?? []) if (caption.final) this.last = Math.max(this.last, caption.index);
    this.ack = Math.max(this.ack, message.ack);
    while (this.kept.length && this.kept[0].first + this.kept[0].pcm.length <= this.ack) this.kept.shift();
    this.on.update(message);
  }

  lost(event) {
    this.ready = false;
    if (this.over) return;
    if (event.code === 4403) return this.fail(event.reason || "Log in, then reload the page.");
    if (!this.opened && this.tries >= 2) return this.end(this.on.refused);
    this.on.waiting(this.opened);
    setTimeout(() => this.over || this.connect(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  fail(reason) { this.end(() => this.on.failed(reason)); }

  end(then = this.on.finished) {
    if (this.over) return;
    this.over = true;
    this.socket.close();
    then();
  }
}

// ---- the board ---------------------------------------------------------------------------------------------

const clock = (s, comma = ".") => {
  const ms = Math.round(1000 * s), two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(ms / 3600000))}:${two(Math.floor(ms / 60000) % 60)}:${two(Math.floor(ms / 1000) % 60)}${comma}${String(ms % 1000).padStart(3, "0")}`;
};
const short = (s) => (s >= 3600 ? `${Math.floor(s / 3600)}:${String(Math.floor(s / 60) % 60).padStart(2, "0")}` : Math.floor(s / 60)) + `:${String(Math.floor(s) % 60).padStart(2, "0")}`;
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const blocks = (lines, make) => lines.map(make).join("\n");

const FORMATS = {
  txt: (lines) => lines.map((l) => `[${short(l.start_s)}] ${l.text}\n`).join(""),
  srt: (lines) => blocks(lines, (l, i) => `${i + 1}\n${clock(l.start_s, ",")} --> ${clock(l.end_s, ",")}\n${l.text.replaceAll("-->", "->")}\n`),
  vtt: (lines) => "WEBVTT\n\n" + blocks(lines, (l) => `${clock(l.start_s)} --> ${clock(l.end_s)}\n${escaped(l.text)}\n`),
  json: (lines) => JSON.stringify({ segments: lines.map(({ start_s, end_s, text, words }) => ({ start_s, end_s, text, words })) }, null, 2) + "\n",
};

class Board {
  constructor(root) {
    this.list = root.querySelector("ol");
    this.root = root;
    this.clear();
  }

  clear() {
    this.lines = new Map(); // key -> final caption, in the order of time
    this.list.replaceChildren();
    this.tentative = null;
    this.root.classList.add("is-empty");
  }

  show(caption, part, offsetS, wire) {
    const key = `${part}:${caption.index}`;
    if (this.lines.has(key)) return; // told again after a break
    const times = { start_s: caption.start_s + offsetS, end_s: caption.end_s + offsetS };
    const words = caption.words.map((w) => ({ ...w, start_s: w.start_s + offsetS, end_s: w.end_s + offsetS }));
    this.tentative?.remove();
    this.tentative = null;
    if (!caption.text) return this.root.classList.toggle("is-empty", !this.lines.size);
    this.root.classList.remove("is-empty");
    const line = { ...caption, ...times, words, session: wire.session, kept: wire.keeps };
    const row = this.row(line);
    this.list.append(row);
    if (!caption.final) return void (this.tentative = row);
    this.lines.set(key, line);
    row.querySelector("span").addEventListener("input", (event) => {
      Object.assign(line, { text: event.target.innerText.trim(), words: [] });
      if (line.kept) markAdded(row.lastChild, false);
    });
  }

  row(line) {
    const row = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
    row.className = line.final ? "final" : "tentative";
    time.textContent = short(line.start_s);
    text.dir = "auto";
    if (line.final && line.words.length) text.append(...line.words.flatMap(wordNodes));
    else if (line.final) text.textContent = line.text;
    else text.append(Object.assign(document.createElement("b"), { textContent: line.text.slice(0, line.committed) }), line.text.slice(line.committed));
    if (line.final) Object.assign(text, { contentEditable: "plaintext-only", spellcheck: false, title: "Click to correct" });
    row.append(time, text);
    if (line.final && line.kept) row.append(addButton(line));
    return row;
  }

  search(words) {
    const wanted = words.toLocaleLowerCase();
    for (const row of this.list.children) row.hidden = !row.querySelector("span").textContent.toLocaleLowerCase().includes(wanted);
  }

  text(format) { return FORMATS[format]([...this.lines.values()].filter((line) => line.text)); }
}

function wordNodes(word, index) {
  const node = document.createElement("i"), plain = word.text.trimStart();
  node.textContent = plain;
  node.className = word.probability < 0.4 ? "doubtful" : word.probability < 0.7 ? "unsure" : "";
  node.title = `${Math.round(100 * word.probability)} %`;
  return index && plain !== word.text ? [" ", node] : [node];
}

// ---- corrections -------------------------------------------------------------------------------------------

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

// ---- the page ----------------------------------------------------------------------------------------------

const find = (name) => element.querySelector(name);
const settings = () => window.qalSettings ?? { ...DEFAULTS, compare: null, corpus: "" };
const sound = { now: null };
let heardS = 0, opening = false;

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
  get wanted() {
    const chosen = { ...settings(), model: settings()[this.name] };
    return Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, chosen[name] ?? DEFAULTS[name]]));
  }

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
    if (message.type === "ready") state("listening");
    if (message.level && sound.now) {
      meter(message.level);
      state(message.level.gate_open ? "speech" : "listening", message.level.gate_open ? "on" : "");
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
find(".copy").onclick = async () => { await navigator.clipboard.writeText(lanes[0].board.text("txt")); state("copied"); };
find(".download").onchange = (event) => { download(event.target.value); event.target.value = ""; };
find(".search").oninput = (event) => lanes.forEach((lane) => lane.board.search(event.target.value));
document.addEventListener("qal-settings", () => lanes.forEach((lane) => lane.follow()));
lanes.forEach((lane) => lane.follow());
