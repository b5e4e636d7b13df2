// Audio input: the microphone, a browser tab or a file, as packets of 16-bit samples at 16 kHz.

const RATE = 16000; // Hz
const PACKET_SAMPLES = 1024; // 64 ms
const CLOSE_DELAY_MS = 60; // the worklet's last packet arrives within this time
const FILE_END_DELAY_MS = 200;

// Most browsers resample a microphone to the context's rate. For those that do not (Firefox 140), the worklet resamples
// with a windowed sinc filter. An output sample has one of few positions between two input samples (PHASES); the filter
// weights of each position are computed once. Several channels are mixed before that, a packet's duration at a time.
const WORKLET = `const STEP = sampleRate / ${RATE}, WIDTH = Math.max(1, STEP), LOBES = 20, HALF = Math.ceil(LOBES * WIDTH);
const commonDivisor = (a, b) => (b ? commonDivisor(b, a % b) : a);
const PHASES = ${RATE} / commonDivisor(sampleRate, ${RATE}), MIX_WINDOW = Math.round(${MIXING.window_s} * sampleRate);
const kernel = (x) => {
  const t = x / WIDTH;
  if (Math.abs(t) >= LOBES) return 0;
  const sinc = t ? Math.sin(Math.PI * t) / (Math.PI * t) : 1;
  return sinc * (0.5 + 0.5 * Math.cos(Math.PI * t / LOBES)) / WIDTH;
};
const weights = Array.from({ length: PHASES + 1 }, (_, phase) =>
  Float32Array.from({ length: 2 * HALF + 1 }, (_, k) => kernel(k - HALF - phase / PHASES)));
const variance = (samples) => {
  let sum = 0, squares = 0;
  for (const sample of samples) { sum += sample; squares += sample * sample; }
  return squares / samples.length - (sum / samples.length) ** 2;
};
class Mixer { // as MonoMixer in qal/audio/mix.py
  constructor(onMixed) {
    this.onMixed = onMixed; // receives the mixed samples
    this.pending = []; // channels of the next window
    this.filled = 0; // samples of them
    this.chosen = -1; // the channel that was used last
  }
  feed(channels) {
    if (channels.length !== this.pending.length) {
      this.flush();
      this.pending = channels.map(() => new Float32Array(MIX_WINDOW));
      this.chosen = -1;
    }
    if (channels.length === 1) return this.onMixed(channels[0]);
    for (let from = 0, count; from < channels[0].length; from += count) {
      count = Math.min(MIX_WINDOW - this.filled, channels[0].length - from);
      channels.forEach((channel, i) => this.pending[i].set(channel.subarray(from, from + count), this.filled));
      this.filled += count;
      if (this.filled === MIX_WINDOW) this.flush();
    }
  }
  flush() {
    if (this.filled) this.onMixed(this.mixed(this.pending.map((channel) => channel.slice(0, this.filled))));
    this.filled = 0;
  }
  mixed(channels) {
    const average = channels[0].map((_, i) => channels.reduce((sum, channel) => sum + channel[i], 0) / channels.length);
    const powers = channels.map(variance);
    const unrelatedPower = powers.reduce((sum, power) => sum + power) / channels.length ** 2;
    if (variance(average) >= ${MIXING.min_relative_power} * unrelatedPower) return average;
    const loudest = Math.max(...powers);
    if (this.chosen < 0 || loudest > ${MIXING.louder} * powers[this.chosen]) this.chosen = powers.indexOf(loudest);
    return channels[this.chosen];
  }
}
registerProcessor("qal-packets", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.packet = new Int16Array(${PACKET_SAMPLES});
    this.filled = 0;
    this.recent = new Float32Array(HALF); // input that the filter still needs
    this.position = HALF; // of the next output sample in the recent input
    this.mixer = new Mixer((mono) => this.addMono(mono));
    this.port.onmessage = () => { this.mixer.flush(); this.send(); };
  }
  send() { this.port.postMessage(this.packet.slice(0, this.filled)); this.filled = 0; }
  add(sample) {
    this.packet[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    if (this.filled === ${PACKET_SAMPLES}) this.send();
  }
  addMono(mono) {
    if (STEP === 1) mono.forEach((sample) => this.add(sample));
    else this.resample(mono);
  }
  resample(mono) {
    const input = new Float32Array(this.recent.length + mono.length);
    input.set(this.recent);
    input.set(mono, this.recent.length);
    for (; this.position + HALF < input.length; this.position += STEP) {
      const nearest = Math.floor(this.position);
      const phaseWeights = weights[Math.round((this.position - nearest) * PHASES)];
      let sum = 0;
      for (let k = 0; k < phaseWeights.length; k++) sum += input[nearest - HALF + k] * phaseWeights[k];
      this.add(sum);
    }
    const consumed = Math.floor(this.position) - HALF;
    this.recent = input.slice(consumed);
    this.position -= consumed;
  }
  process([channels]) {
    this.mixer.feed(channels.length ? channels : [new Float32Array(128)]);
    return true;
  }
});`;

const AUDIO_ERRORS = {
  NotAllowedError: "The browser denied access. Allow the microphone next to the page's address, then press Start again.",
  NotFoundError: "No microphone found. Connect one, or choose another source.",
  NotReadableError: "Another program is using the microphone. Close it, then press Start again.",
  EncodingError: "This file is not readable as audio. Choose a WAV, MP3, OGG or FLAC file.",
};

// One open input: its tracks, if it is a stream, its context, and the worklet that makes packets of it.
class Capture {
  async useStream(stream) {
    this.tracks = stream.getAudioTracks();
    stream.getVideoTracks().forEach((track) => track.stop());
    if (!this.tracks.length) throw new Error("No audio was shared. Choose a tab and check its audio option.");
    const mediaStream = new MediaStream(this.tracks);
    try {
      this.context = new AudioContext({ sampleRate: RATE });
      this.input = new MediaStreamAudioSourceNode(this.context, { mediaStream });
    } catch (error) {
      if (error.name !== "NotSupportedError") throw error;
      await this.context?.close();
      this.context = new AudioContext(); // at the device's rate; the worklet resamples
      this.input = new MediaStreamAudioSourceNode(this.context, { mediaStream });
    }
  }

  async useFile(file, onEnd) {
    this.tracks = [];
    this.context = new AudioContext({ sampleRate: RATE });
    const buffer = await this.context.decodeAudioData(await file.arrayBuffer());
    this.input = new AudioBufferSourceNode(this.context, { buffer });
    this.input.onended = () => setTimeout(onEnd, FILE_END_DELAY_MS);
  }

  async addWorklet() {
    const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
    await this.context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
  }

  start(onPacket) {
    this.node = new AudioWorkletNode(this.context, "qal-packets", { numberOfOutputs: 0 });
    this.node.port.onmessage = (event) => event.data.length && onPacket(event.data);
    this.input.connect(this.node);
    this.input.start?.(); // a file
    this.context.resume().catch(() => {}); // AudioWatch tries again
  }

  // Sends the last packet, then closes. May be called again meanwhile.
  close() { return (this.closing ??= this.closeOnce()); }

  async closeOnce() {
    this.tracks?.forEach((track) => { track.onended = null; track.stop(); });
    if (!this.context || this.context.state === "closed") return;
    if (this.node) {
      this.node.port.postMessage("send");
      await delay(CLOSE_DELAY_MS);
      this.node.port.onmessage = null;
    }
    await this.context.close();
  }
}

class AudioSource {
  // `openMicrophone()` returns a stream. `onPacket(Int16Array)` is called for each 64 ms, `onEnd()` when a file or a
  // shared tab has ended.
  constructor(source, openMicrophone, onPacket, onEnd) {
    Object.assign(this, { source, openMicrophone, onEnd, capture: null, isReopening: false, closed: false });
    this.onPacket = (pcm) => { this.observe(pcm); onPacket(pcm); };
    this.lastPacketAt = 0; // ms
    this.silentSamples = 0; // zeros since the last other sample
    this.changes = Promise.resolve(); // the last change of the microphone
  }

  observe(pcm) {
    this.lastPacketAt = performance.now();
    this.silentSamples = pcm.some((sample) => sample) ? 0 : this.silentSamples + pcm.length;
  }

  async open(file) {
    if (!window.isSecureContext)
      throw new Error("Browsers allow audio input only on https and localhost. Open this page at such an address.");
    const capture = await this.openCapture(file);
    if (this.closed) return void (await capture.close());
    if (this.source === "tab") capture.tracks[0].onended = this.onEnd;
    this.begin(capture);
  }

  async openCapture(file) {
    const capture = new Capture();
    try {
      if (file) await capture.useFile(file, this.onEnd);
      else if (this.source === "tab")
        await capture.useStream(await navigator.mediaDevices.getDisplayMedia({ audio: true, video: true }));
      else await capture.useStream(await this.openMicrophone());
      await capture.addWorklet();
    } catch (error) {
      await capture.close();
      throw error;
    }
    return capture;
  }

  begin(capture) {
    Object.assign(this, { capture, lastPacketAt: performance.now(), silentSamples: 0 });
    capture.start(this.onPacket);
  }

  // Opens the microphone again, as it is chosen now. The earlier one is closed when the new one is open, so that hardly
  // anything is lost.
  reopen() {
    this.changes = this.changes.catch(() => {}).then(() => this.replaceCapture());
    return this.changes;
  }

  async replaceCapture() {
    if (this.closed || !this.capture) return;
    this.isReopening = true;
    try {
      const previous = this.capture, capture = await this.openCapture();
      await previous.close();
      if (this.closed) return void (await capture.close());
      this.begin(capture);
    } finally { this.isReopening = false; }
  }

  // Sends the last packet, then closes. A source that is still opening closes itself.
  async close() {
    this.closed = true;
    await this.capture?.close();
  }
}
