// The wire: packets up, captions down, over breaks. Protocol: qal/captions/protocol.py, qal/api/live_socket.py.
// Everything that is not acknowledged is kept and sent again after a break.

const RETRY_MS = [300, 600, 1200, 2500, 5000];
const MAX_KEPT_S = 1800; // of sound, while the connection is broken

// What the server is told; Gradio knows null where a box is empty.
const DEFAULTS = { model: null, language: null, task: "transcribe", mode: "gated", expect: "", previous_text: false,
  gate: {}, keep_sound: false };
const told = (settings) => Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, settings[name] ?? DEFAULTS[name]]));
const plain = (settings) => JSON.stringify(Object.entries(told(settings)).map(([name, value]) =>
  name === "gate" ? Object.entries(value).sort() : value));

class Wire {
  // One session: keeps what is not acknowledged, comes back after breaks.
  constructor(settings, on) {
    Object.assign(this, { settings, on, session: null, kept: [], next: 0, ack: 0, tries: 0, opened: false, last: -1 });
    this.done = null; // the settings that the server goes by: with one that it refused, no session could be opened again
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
    socket.onopen = () => socket.send(JSON.stringify({ ...(this.done ?? this.settings), ...keep(), ...here() }));
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
    if (!this.ready || same) return;
    this.on.problem(""); // of the wish before
    this.socket.send(JSON.stringify({ do: "change", ...settings }));
  }

  finish() {
    this.finishing = true;
    if (this.ready) this.socket.send(JSON.stringify({ do: "finish" }));
  }

  hear(message) {
    if (message.type === "error") return message.retry && this.opened ? this.on.busy(message.message) : this.fail(message.message);
    if (message.type === "problem") return this.on.problem(message.message);
    if (message.type === "finished") return this.end();
    if (message.type === "ready") Object.assign(this, { keeps: Boolean(message.keep_sound), done: told(message) });
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
