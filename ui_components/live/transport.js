// What carries the messages of a connection: a WebSocket or, where the network blocks those, POST requests and
// server-sent events. Protocol of the latter: qal/api/live_events.py, qal/api/live_batches.py.

const OPEN_TIMEOUT_MS = 10000; // until a WebSocket is open, or until the first event
const SILENCE_TIMEOUT_MS = 35000; // without an event or a ping of the server, which sends one every 10 s
const KEEP_ALIVE_MS = 15000; // the server closes a connection without requests
const POST_TIMEOUT_MS = 15000, POST_RETRY_MS = 500, MAX_POST_TRIES = 8;
const LAST_EVENTS_MS = 2000; // in which the events say why a request was refused
const MAX_BATCH_BYTES = 131072, MAX_BATCH_MESSAGES = 1024;
// Requests at the same time. Over HTTP/1.1 a browser has six connections to a server, Gradio and the events use some.
const MAX_POSTS = 2;
const PACKET = 0, TEXT = 1; // kinds of messages
const BROKEN = 1006, LOGGED_OUT = 4403; // close codes
const HELD_BACK = "This network blocks WebSockets and holds back the captions. Use another network.";
const TRANSPORT_KEY = "qal-live-transport", EVENTS = "events";

let usesEvents = loadValue("sessionStorage", TRANSPORT_KEY, null) === EVENTS; // WebSockets are blocked in this tab
function rememberEvents() {
  if (!usesEvents) storeValue("sessionStorage", TRANSPORT_KEY, EVENTS);
  usesEvents = true;
}

// Some networks neither pass on nor refuse a WebSocket; `onHang` is called before such a one is closed.
function openWebSocket(onHang) {
  const url = serverAddress("qal/live");
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  setTimeout(() => {
    if (socket.readyState !== WebSocket.CONNECTING) return;
    onHang();
    socket.close();
  }, OPEN_TIMEOUT_MS);
  return socket;
}

// Has the methods and callbacks of a WebSocket.
class EventSocket {
  static open = new Set(); // all of the page

  constructor() {
    this.id = null; // of the connection, from the first event
    this.waiting = []; // messages that are in no request yet
    this.number = 0; // of the first of them
    this.posts = 0; // requests at present
    this.aborters = new Set(); // of the requests
    this.isClosed = this.hasPosted = false;
    EventSocket.open.add(this);
    this.keepAliveTimer = setInterval(() => this.keepAlive(), KEEP_ALIVE_MS);
    queueMicrotask(() => this.onopen?.());
  }

  // The first message opens the events.
  send(data) {
    if (this.isClosed) return;
    if (!this.hasJoined) {
      this.hasJoined = true;
      this.readEvents(data);
    } else {
      this.waiting.push(typeof data === "string" ? { kind: TEXT, bytes: new TextEncoder().encode(data) }
        : { kind: PACKET, bytes: new Uint8Array(data) });
      this.postWaiting();
    }
  }

  close() { this.end(1000); }

  async readEvents(joinMessage) {
    this.expectEvent(OPEN_TIMEOUT_MS, HELD_BACK);
    const response = await this.request("qal/live/events", joinMessage, { "content-type": "application/json" });
    if (!response?.ok) return this.refuse(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const read = () => reader.read().catch(() => ({ done: true })); // the connection broke
    let rest = "";
    for (let { value, done } = await read(); !done && !this.isClosed; { value, done } = await read()) {
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      if (this.id) this.expectEvent(SILENCE_TIMEOUT_MS);
      for (const line of lines) if (line.startsWith("data: ")) this.receive(line.slice("data: ".length));
    }
    this.end(BROKEN);
  }

  receive(text) {
    const event = JSON.parse(text);
    if (this.isClosed) return;
    if (event.type === "connected") {
      this.id = event.connection;
      this.expectEvent(SILENCE_TIMEOUT_MS);
      this.postWaiting();
    } else if (event.type === "closed") this.end(event.code, event.reason);
    else this.onmessage?.({ data: text });
  }

  // Posts the waiting messages, several in one request while earlier requests are on their way.
  postWaiting() {
    const maxPosts = Math.max(1, MAX_POSTS + 1 - EventSocket.open.size);
    while (this.id && !this.isClosed && this.waiting.length && this.posts < maxPosts) this.post(this.nextBatch());
  }

  nextBatch() {
    let count = 0, size = 0;
    while (count < Math.min(this.waiting.length, MAX_BATCH_MESSAGES) && (!count || size < MAX_BATCH_BYTES))
      size += this.waiting[count++].bytes.length;
    const batch = encodedBatch(this.number, this.waiting.splice(0, count));
    this.number += count;
    return batch;
  }

  // Sends a batch until it has arrived; the server ignores messages that it has already.
  async post(batch) {
    this.posts++;
    this.hasPosted = true;
    for (let tries = 1; !this.isClosed; tries++) {
      const response = await this.request("qal/live/messages", batch, { "qal-connection": this.id }, POST_TIMEOUT_MS);
      if (response?.ok) break;
      if (response?.status === 401 || response?.status === 403) return this.refuse(response);
      const isLost = [400, 410, 413].includes(response?.status) || tries >= MAX_POST_TRIES;
      if (isLost) return void setTimeout(() => this.end(BROKEN), LAST_EVENTS_MS);
      await delay(POST_RETRY_MS);
    }
    this.posts--;
    this.postWaiting();
  }

  keepAlive() {
    if (this.id && !this.hasPosted && !this.posts) this.post(encodedBatch(this.number, []));
    this.hasPosted = false;
  }

  // Returns the response; null if there was none.
  async request(path, body, headers, timeoutMs = 0) {
    const aborter = new AbortController();
    this.aborters.add(aborter);
    const timer = timeoutMs ? setTimeout(() => aborter.abort(), timeoutMs) : 0;
    const options = { method: "POST", body, headers, cache: "no-store", signal: aborter.signal };
    const response = await fetch(serverAddress(path), options).catch(() => null);
    clearTimeout(timer);
    if (timeoutMs) this.aborters.delete(aborter);
    return response;
  }

  async refuse(response) {
    const { message = "" } = (await response?.json().catch(() => null)) ?? {};
    if (this.isClosed) return;
    if (response?.status === 400) this.onmessage?.({ data: JSON.stringify({ type: "error", message, retry: false }) });
    this.end(response?.status === 401 || response?.status === 403 ? LOGGED_OUT : BROKEN, message);
  }

  expectEvent(timeoutMs, reason = "") {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.end(BROKEN, reason), timeoutMs);
  }

  end(code, reason = "") {
    if (this.isClosed) return;
    this.isClosed = true;
    EventSocket.open.delete(this);
    clearTimeout(this.silenceTimer);
    clearInterval(this.keepAliveTimer);
    for (const aborter of this.aborters) aborter.abort();
    this.onclose?.({ code, reason });
  }
}

function encodedBatch(firstNumber, messages) {
  const size = messages.reduce((sum, { bytes }) => sum + 5 + bytes.length, 8);
  const view = new DataView(new ArrayBuffer(size));
  view.setBigUint64(0, BigInt(firstNumber), true);
  let position = 8;
  for (const { kind, bytes } of messages) {
    view.setUint8(position, kind);
    view.setUint32(position + 1, bytes.length, true);
    new Uint8Array(view.buffer).set(bytes, position + 5);
    position += 5 + bytes.length;
  }
  return view.buffer;
}
