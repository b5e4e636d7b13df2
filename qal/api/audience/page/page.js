// The audience's page: reads the captions of one link as server-sent events (qal/captions/audience.py) and shows them.

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const SILENCE_MS = 40000; // without even a ping (every 15 s): the connection is dead
const RETURN_MS = 20000; // the same, when the page comes back to the foreground
const MAX_SHOWN_LINES = 500; // of a pane
const AT_END_PX = 60; // a reader who is so near to the end wants to see what comes next
const SIZES_REM = [1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
const DEFAULTS = { size: 2, contrast: matchMedia("(prefers-contrast: more)").matches, language: null, show: "both" };
const query = new URLSearchParams(location.search);
const isOverlay = query.has("overlay") && query.get("overlay") !== "0";
const find = (selector) => document.querySelector(selector);
const limited = (name, low, high, otherwise) => {
  const value = Number(query.get(name) || NaN);
  return Number.isNaN(value) || value < 0 ? otherwise : Math.min(high, Math.max(low, value));
};

// --- choices of the viewer, kept in the browser where it allows that
const choices = { ...DEFAULTS, ...readChoices() };
function readChoices() {
  try { return JSON.parse(localStorage.getItem("qal-audience") ?? "{}"); } catch { return {}; }
}
function choose(name, value) {
  choices[name] = value;
  try { localStorage.setItem("qal-audience", JSON.stringify(choices)); } catch { /* the choice holds for this visit */ }
  applyChoices();
}
const language = () => [choices.language, ...navigator.languages.map((code) => code.split("-")[0]), "en"]
  .find((code) => Object.hasOwn(TEXTS, code ?? ""));
const SHOWN = ["both", "0", "1"]; // which of two columns
const oneOf = (values, chosen) => (values.includes(chosen) ? chosen : values[0]);
const text = (name) => TEXTS[language()][name];

// --- one column of captions
class Pane {
  constructor(node) {
    this.node = node;
    this.lines = node.querySelector(".lines");
    this.partial = node.querySelector(".partial");
    this.last = [-1, -1]; // session number and index of the last line
    this.partialKey = this.last;
    this.isAtEnd = true;
    node.onscroll = () => {
      this.isAtEnd = node.scrollHeight - node.scrollTop - node.clientHeight < AT_END_PX;
      showLatestButton();
    };
  }

  get isEmpty() { return !this.lines.firstChild && !this.partial.firstChild; }
  scrollToEnd() { this.node.scrollTop = this.node.scrollHeight; }

  addLine({ key, text, language }) {
    if (!isAfter(key, this.last)) return; // sent again after a reconnection
    if (this.last[0] >= 0 && key[0] !== this.last[0]) this.lines.append(document.createElement("hr"));
    this.last = key;
    if (!isAfter(this.partialKey, key)) this.partial.replaceChildren();
    const line = document.createElement("p");
    line.dir = "auto";
    if (language) line.lang = language;
    line.append(span(text));
    this.lines.append(line);
    while (this.lines.childElementCount > MAX_SHOWN_LINES) this.lines.firstChild.remove();
    this.wake();
  }

  showPartial({ key, text, committed }) {
    if (!isAfter(key, this.last)) return;
    this.partialKey = key;
    const stable = Object.assign(document.createElement("b"), { textContent: text.slice(0, committed) });
    const content = span(text.slice(committed));
    content.prepend(stable);
    this.partial.replaceChildren(...(text ? [content] : []));
    if (text) this.wake();
  }

  // Shows an overlay again and hides it after a while without speech.
  wake() {
    if (!isOverlay) return;
    this.node.classList.remove("quiet");
    clearTimeout(this.timer);
    const hideS = limited("hide", 0, 3600, 10);
    if (hideS) this.timer = setTimeout(() => this.node.classList.add("quiet"), 1000 * hideS);
  }
}
const isAfter = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
const span = (content) => Object.assign(document.createElement("span"), { textContent: content });
const panes = [...document.querySelectorAll(".pane")].map((node) => new Pane(node));

// Changes the panes and keeps those at their end that were there.
function keepingEnds(change) {
  const atEnd = panes.filter((pane) => pane.isAtEnd);
  change();
  for (const pane of atEnd) pane.scrollToEnd();
  showWhetherEmpty();
  showLatestButton();
}
function showWhetherEmpty() {
  document.body.classList.toggle("empty", panes.every((pane) => pane.isEmpty));
}
function showLatestButton() {
  find("#latest").hidden = panes.every((pane) => pane.node.hidden || pane.isAtEnd);
}

// --- what the page says about the session and the connection
let state = { live: false, ended: false, panes: [""] }; // as the server says
let connection = "connecting"; // connecting, open, reconnecting, full, revoked
function showStatus() {
  const session = state.live ? "live" : state.ended ? "ended" : "waiting";
  const name = connection === "open" ? session : connection;
  const status = find("#status");
  if (status.textContent !== text(name)) status.textContent = text(name);
  find("main").dataset.status = name === "live" ? "" : text(name); // large, while there is nothing to read
  showWhetherEmpty();
  status.className = name === "live" ? "live" : ["connecting", "waiting"].includes(name) ? "" : "problem";
}
function setConnection(name) { connection = name; showStatus(); }

function applyChoices() {
  const root = document.documentElement;
  root.lang = language();
  root.dir = language() === "ar" ? "rtl" : "ltr";
  document.title = text("title");
  root.classList.toggle("contrast", choices.contrast && !isOverlay);
  choices.size = Math.min(SIZES_REM.length - 1, Math.max(0, Number(choices.size) || 0));
  const size = isOverlay ? `${limited("size", 8, 300, 42)}px` : `${SIZES_REM[choices.size]}rem`;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  find("#settings-button").textContent = text("settings");
  find("#latest").textContent = `↓ ${text("latest")}`;
  find("#size-label").textContent = text("size");
  find("#smaller").setAttribute("aria-label", text("smaller"));
  find("#larger").setAttribute("aria-label", text("larger"));
  find("#smaller").disabled = choices.size === 0;
  find("#larger").disabled = choices.size === SIZES_REM.length - 1;
  find("#contrast").checked = choices.contrast;
  find("#language").value = language();
  keepingEnds(() => {
    root.style.setProperty("--size", size);
    showPanes();
  });
  showStatus();
}

// Shows one or both columns; the choice is offered where there are two.
function showPanes() {
  const isTwo = state.panes.length > 1;
  const names = isTwo ? [state.panes[0] || text("first"), state.panes[1] || text("second")] : [text("first"), ""];
  const show = isTwo ? oneOf(SHOWN, isOverlay ? query.get("show") : choices.show) : "0";
  panes.forEach((pane, i) => {
    pane.node.hidden = show !== "both" && show !== String(i);
    pane.node.querySelector("h2").textContent = names[i];
    pane.node.querySelector("h2").hidden = !isTwo;
    pane.lines.setAttribute("aria-label", names[i]);
    pane.node.setAttribute("aria-label", names[i]);
  });
  find(".show").hidden = !isTwo;
  find("#show").replaceChildren(...[["both", text("both")], ["0", names[0]], ["1", names[1]]].map(([value, label]) =>
    Object.assign(document.createElement("option"), { value, textContent: label, selected: value === show })));
}

// --- the connection
let source = null, lastId = "", heardAt = Date.now(), tries = 0, timer = 0;
const eventsAddress = () => {
  const address = new URL(`${location.pathname.replace(/\/$/, "")}/events`, location.origin);
  if (lastId) address.searchParams.set("after", lastId);
  return address;
};

function connect() {
  clearTimeout(timer);
  source?.close();
  source = new EventSource(eventsAddress());
  heardAt = Date.now();
  const handlers = {
    state: (data) => {
      state = data;
      if (!data.live) for (const pane of panes) pane.partial.replaceChildren();
      keepingEnds(showPanes);
      setConnection("open");
    },
    final: (data) => keepingEnds(() => panes[data.pane].addLine(data)),
    partial: (data) => keepingEnds(() => panes[data.pane].showPartial(data)),
    ping: () => {},
    revoked: end,
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      heardAt = Date.now();
      tries = 0;
      if (event.lastEventId) lastId = event.lastEventId;
      handle(JSON.parse(event.data));
    });
  }
  source.onerror = reconnect;
}

// Finds out why the connection has ended, then connects again, each viewer at another moment.
function reconnect() {
  source.close();
  clearTimeout(timer);
  if (connection === "revoked") return;
  if (connection === "open") setConnection("reconnecting");
  const waitMs = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)];
  timer = setTimeout(async () => {
    const status = await fetch(eventsAddress(), { method: "HEAD" }).then((answer) => answer.status, () => 0);
    if (connection === "revoked") return;
    if (status === 404) return end();
    if (status === 200) return connect();
    setConnection(status === 503 ? "full" : "reconnecting");
    reconnect();
  }, waitMs * (0.5 + Math.random()));
}

// The link was revoked, or was never valid: nothing is read any more.
function end() {
  source.close();
  clearTimeout(timer);
  for (const pane of panes) pane.partial.replaceChildren();
  setConnection("revoked");
}

function reconnectAfter(silenceMs) {
  if (connection === "revoked" || Date.now() - heardAt < silenceMs) return;
  tries = 0;
  reconnect();
}

// A screen that shows captions stays on. Browsers allow it on encrypted pages only.
async function keepScreenOn() {
  if (isOverlay || document.hidden || !navigator.wakeLock) return;
  try { await navigator.wakeLock.request("screen"); } catch { /* for example, the battery is low */ }
}

find("#settings-button").onclick = ({ currentTarget }) => keepingEnds(() => {
  find("#settings").hidden = !find("#settings").hidden;
  currentTarget.setAttribute("aria-expanded", String(!find("#settings").hidden));
});
find("#smaller").onclick = () => choose("size", choices.size - 1);
find("#larger").onclick = () => choose("size", choices.size + 1);
find("#contrast").onchange = ({ target }) => choose("contrast", target.checked);
find("#language").onchange = ({ target }) => choose("language", target.value);
find("#show").onchange = ({ target }) => choose("show", target.value);
find("#latest").onclick = () => { for (const pane of panes) pane.scrollToEnd(); };
find("#language").append(...Object.entries(TEXTS).map(([value, { name }]) =>
  Object.assign(document.createElement("option"), { value, textContent: name, lang: value })));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  reconnectAfter(RETURN_MS);
  keepScreenOn();
});
window.addEventListener("online", () => reconnectAfter(0));
window.addEventListener("pageshow", (event) => { if (event.persisted) reconnectAfter(0); });
window.addEventListener("resize", () => keepingEnds(() => {}));
setInterval(() => source.readyState === EventSource.CLOSED || reconnectAfter(SILENCE_MS), 5000);
if (isOverlay) {
  document.documentElement.classList.add("overlay", query.get("position") === "top" ? "top" : "bottom");
  if (query.get("align") === "start") document.documentElement.classList.add("start");
  document.documentElement.style.setProperty("--lines", limited("lines", 1, 20, 2));
}
applyChoices();
connect();
keepScreenOn();
