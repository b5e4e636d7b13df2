"""Scripts that run before the page's own: they stand for what a phone or a room does to the audio of a page.

`window.test` has the contexts and the microphone requests of the page, and the interruptions that it reported."""

# Collects the audio contexts, the requests for a microphone and its tracks, and each text of an interruption.
OBSERVED = """
window.test = { contexts: [], requests: [], tracks: [], reported: [] };
const RealContext = window.AudioContext;
window.AudioContext = class extends RealContext {
  constructor(options) { super(options); window.test.contexts.push(this); }
};
const devices = navigator.mediaDevices, realOpen = devices.getUserMedia.bind(devices);
devices.getUserMedia = async (constraints) => {
  window.test.requests.push(constraints.audio);
  const stream = await realOpen(constraints);
  window.test.tracks.push(stream.getAudioTracks()[0]);
  return stream;
};
new MutationObserver(() => {
  const note = document.querySelector(".qal-interruption"), { reported } = window.test;
  if (note && !note.hidden && note.textContent !== reported.at(-1)) reported.push(note.textContent);
}).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
"""
# A call on a phone: the contexts are suspended and cannot be resumed before it is over.
CALLS = """
window.test.call = () => {
  window.test.isCalling = true;
  for (const context of window.test.contexts) if (context.state === "running") context.suspend();
};
const realResume = RealContext.prototype.resume;
RealContext.prototype.resume = function () {
  return window.test.isCalling ? Promise.reject(new DOMException("", "InvalidStateError")) : realResume.call(this);
};
"""
# A screen lock, which headless browsers do not have: `requested` counts requests, `hide()` hides the page for a while.
WAKE_LOCK = """
window.lock = { requested: 0, held: null };
const sentinel = () => ({ released: false, release() { this.released = true; return Promise.resolve(); } });
Object.defineProperty(navigator, "wakeLock", { configurable: true, value: {
  request: async (kind) => { window.lock.requested += kind === "screen"; return (window.lock.held = sentinel()); },
} });
window.lock.show = (state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
  if (state === "hidden") window.lock.held?.release(); // as a browser does
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
# A microphone that sends zeros until it is opened again.
SILENT_AT_FIRST = """
const openReal = devices.getUserMedia;
let opened = 0;
devices.getUserMedia = async (constraints) => {
  if (opened++) return openReal(constraints);
  const context = new RealContext(), destination = context.createMediaStreamDestination();
  window.test.requests.push(constraints.audio);
  return destination.stream;
};
"""
