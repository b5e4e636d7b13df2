// Watches the audio while it is captured, says what interrupts it and mends what can be mended; keeps the screen on.

const WATCH_INTERVAL_MS = 500;
const REPORTED_AFTER_MS = 1000; // many interruptions are mended before
const STALLED_MS = 2000, SILENT_S = 10;
// A kind of interruption: what is said, the button that mends it, and whether the microphone is opened again at once.
const INTERRUPTIONS = {
  lost: { text: "The microphone was disconnected. Connect it again, or choose another one under Audio input.",
    button: "Reconnect", reopen: true },
  paused: { text: "The browser paused the audio: for a call, or until you press Continue.",
    button: "Continue", reopen: false },
  muted: { text: "The system or another program has muted the microphone. Unmute it to continue.",
    button: "Reconnect", reopen: true },
  stalled: { text: "No audio arrives from the microphone.", button: "Reconnect", reopen: true },
  silent: { text: `The microphone has sent complete silence for ${SILENT_S} seconds. Check that it is not switched off.`,
    button: "Reconnect", reopen: true },
};

class AudioWatch {
  // `show(interruption)` shows one of INTERRUPTIONS; null hides it.
  constructor(source, show) {
    Object.assign(this, { source, show, kind: null, since: 0, isReported: false, reopened: new Set() });
    this.timer = setInterval(() => this.check(), WATCH_INTERVAL_MS);
    this.onDeviceChange = () => { this.reopened.delete("lost"); this.check(); };
    navigator.mediaDevices?.addEventListener("devicechange", this.onDeviceChange);
  }

  // What interrupts the audio now; null if nothing does.
  interruption() {
    const { capture, source } = this.source;
    if (!capture?.context || this.source.isReopening) return null;
    const track = source === "microphone" ? capture.tracks[0] : null;
    if (track?.readyState === "ended") return "lost";
    if (capture.context.state !== "running") return "paused";
    if (track?.muted) return "muted";
    if (track && performance.now() - this.source.lastPacketAt > STALLED_MS) return "stalled";
    return track && this.source.silentSamples >= SILENT_S * RATE ? "silent" : null;
  }

  check() {
    const kind = this.interruption(), now = performance.now();
    if (kind !== this.kind) {
      if (this.isReported) this.show(null);
      Object.assign(this, { kind, since: now, isReported: false });
    }
    if (!kind) return;
    if (kind === "paused") this.resume();
    const isDue = kind === "silent" || now - this.since >= REPORTED_AFTER_MS;
    if (isDue && !this.isReported) {
      this.isReported = true;
      this.show(INTERRUPTIONS[kind]);
    }
    if (INTERRUPTIONS[kind].reopen && !this.reopened.has(kind) && (isDue || kind === "lost")) this.reopen();
  }

  resume() { return this.source.capture.context.resume().catch(() => {}); } // tried again at the next check

  async reopen() {
    this.reopened.add(this.kind); // once for each kind: a browser may ask the user each time
    await this.source.reopen().catch((error) => console.info("the microphone could not be opened again:", error));
  }

  // The button of the interruption.
  async mend() {
    const wasPaused = this.kind === "paused";
    if (wasPaused) await Promise.race([this.resume(), delay(REPORTED_AFTER_MS)]);
    if (this.kind && !(wasPaused && this.source.capture.context.state === "running")) await this.reopen();
    this.check();
  }

  stop() {
    clearInterval(this.timer);
    navigator.mediaDevices?.removeEventListener("devicechange", this.onDeviceChange);
    this.show(null);
  }
}

// Keeps the screen on. The browser releases the lock when the page is hidden; it is requested again afterwards.
class ScreenLock {
  constructor() {
    this.isWanted = false;
    document.addEventListener("visibilitychange", () => this.request());
  }

  hold() { this.isWanted = true; this.request(); }

  release() {
    this.isWanted = false;
    this.lock?.release();
    this.lock = null;
  }

  async request() {
    if (!this.isWanted || document.visibilityState !== "visible" || !navigator.wakeLock) return;
    if (this.lock && !this.lock.released) return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      if (this.isWanted) this.lock = lock;
      else lock.release();
    } catch (error) { console.info("the screen may turn off:", error); } // for example with a low battery
  }
}
