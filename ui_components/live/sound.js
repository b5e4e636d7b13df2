// Sound in: the microphone, a tab or a file, as packets of 16-bit samples at 16 kHz.

const RATE = 16000;
const PACKET = 1536; // samples, 96 ms

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
