// The connection of one session: packets up, captions down. Protocol: qal/captions/protocol.py,
// qal/api/live_connection.py; what carries the messages: transport.js.
// Packets that are not acknowledged are kept and sent again after the connection was broken.

const RETRY_MS = [300, 600, 1200, 2500, 5000];
const MAX_KEPT_S = 1800; // audio, while the connection is broken
const MAX_WEBSOCKET_RETRIES = 2; // without an answer; then each further try is made with both transports

// The settings in a message to the server. Gradio gives null for an empty box.
const DEFAULTS = { model: null, language: null, languages: [], task: "transcribe", mode: "gated", expect: "", previous_text: false,
  gate: {}, keep_sound: false };
const completeSettings = (settings) =>
  Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, settings[name] ?? DEFAULTS[name]]));
const comparable = (settings) => JSON.stringify(Object.entries(completeSettings(settings)).map(([name, value]) =>
  name === "gate" ? Object.entries(value).sort() : value));

class Connection {
  // `callbacks`: update(message), waiting(hasBeenOpen), busy(text), problem(text), failed(text), usesEvents(),
  // finished(), and opened(message) before the first packets are sent. `resumed`: session, group, place, kept,
  // nextSample and lastIndex of a session that an earlier connection has begun.
  constructor(settings, callbacks, resumed = {}) {
    this.settings = settings; // as the user chose them
    this.applied = null; // as the server confirmed them; a reconnection must not send settings that it refused
    this.callbacks = callbacks;
    this.session = null;
    this.kept = []; // packets without an acknowledgement
    this.nextSample = 0;
    this.ack = 0;
    this.lastIndex = -1; // of the last final caption
    this.tries = 0;
    this.hasBeenOpen = this.ready = this.finishing = this.over = false;
    // Whether the server saves audio. A request made while disconnected is sent only after the kept packets.
    this.savesAudio = settings.keep_sound;
    Object.assign(this, resumed);
    this.connect();
  }

  connect(withEvents = usesEvents) {
    const giveUp = () => { this.tries = MAX_WEBSOCKET_RETRIES; };
    const socket = (this.socket = withEvents ? new EventSocket() : openWebSocket(giveUp));
    let isAnswered = false;
    socket.onopen = () => socket.send(JSON.stringify(this.hello()));
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      isAnswered = true;
      if (withEvents) {
        rememberEvents();
        this.callbacks.usesEvents();
      }
      this.receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => socket === this.socket && this.reconnect(event, withEvents, isAnswered);
  }

  hello() {
    return {
      ...(this.applied ?? this.settings),
      keep_sound: this.savesAudio && this.settings.keep_sound,
      session: this.session,
      kept_from: this.kept.length ? this.kept[0].first : this.nextSample,
      last_index: this.lastIndex,
      group: this.group,
      place: this.place,
    };
  }

  sendAudio(pcm) {
    if (this.finishing) return;
    const packet = { first: this.nextSample, pcm };
    this.nextSample += pcm.length;
    this.kept.push(packet);
    if (this.nextSample - this.kept[0].first > MAX_KEPT_S * RATE) this.kept.shift();
    if (this.ready) this.sendPacket(packet);
  }

  sendPacket({ first, pcm }) {
    const data = new ArrayBuffer(8 + 2 * pcm.length);
    new DataView(data).setBigUint64(0, BigInt(first), true);
    new Int16Array(data, 8).set(pcm); // little-endian, as on every machine that runs a browser
    this.socket.send(data);
  }

  change(settings) {
    const isSame = comparable(settings) === comparable(this.settings);
    this.settings = settings;
    if (!this.ready || isSame) return;
    this.callbacks.problem(""); // clears the message about the last change
    this.socket.send(JSON.stringify({ do: "change", ...settings }));
  }

  finish() {
    this.finishing = true;
    if (this.ready) this.socket.send(JSON.stringify({ do: "finish" }));
  }

  receive(message) {
    if (message.type === "error") {
      const canRetry = message.retry && this.hasBeenOpen;
      return canRetry ? this.callbacks.busy(message.message) : this.fail(message.message);
    }
    if (message.type === "problem") return this.callbacks.problem(message.message);
    if (message.type === "finished") return this.end();
    if (message.type === "ready") {
      this.savesAudio = Boolean(message.keep_sound);
      this.applied = completeSettings(message);
      if (!this.hasBeenOpen) this.callbacks.opened(message);
      if (!this.ready) this.resume(message);
    }
    const stored = (message.captions ?? []).filter(({ final, text }) => final && text);
    for (const { index } of stored) this.lastIndex = Math.max(this.lastIndex, index);
    this.ack = Math.max(this.ack, message.ack);
    while (this.kept.length && this.kept[0].first + this.kept[0].pcm.length <= this.ack) this.kept.shift();
    this.callbacks.update(message);
  }

  // Sends the packets that the server has not received, and the settings that changed while disconnected.
  resume(message) {
    Object.assign(this, { session: message.session, ready: true, hasBeenOpen: true, tries: 0 });
    const chosen = this.settings;
    this.settings = message;
    if (message.keep_sound && !chosen.keep_sound) this.change(chosen); // before the kept packets, which must not be saved
    for (const packet of this.kept) if (packet.first + packet.pcm.length > message.next) this.sendPacket(packet);
    this.change(chosen);
    if (this.finishing) this.finish();
  }

  // A network may block WebSockets, also one that is joined while captioning: where they get no answer, each further
  // try is made with both transports.
  reconnect(event, withEvents, isAnswered) {
    this.ready = false;
    if (this.over) return;
    if (event.code === LOGGED_OUT) return this.fail(event.reason || "Log in, then reload the page.");
    if (!isAnswered && this.tries >= MAX_WEBSOCKET_RETRIES) {
      if (!withEvents) return this.connect(true);
      if (!this.hasBeenOpen) return this.fail(event.reason || UNREACHABLE);
    }
    this.callbacks.waiting(this.hasBeenOpen);
    setTimeout(() => this.over || this.connect(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  fail(text) { this.end(() => this.callbacks.failed(text)); }

  end(callback = this.callbacks.finished) {
    if (this.over) return;
    this.over = true;
    this.socket.close();
    callback();
  }
}
