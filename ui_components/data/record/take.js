// One recording of a sentence: the microphone's samples until it is stopped, as 16-bit PCM at 16 kHz.

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Take {
  // `onLevel(peak)` is called for each packet with its largest sample, 0 to 1; `onLimit()` when the time is over.
  constructor(openMicrophone, onLevel, onLimit) {
    this.packets = [];
    this.samples = 0;
    this.source = new AudioSource("microphone", openMicrophone, (pcm) => this.add(pcm, onLevel, onLimit), () => {});
  }

  add(pcm, onLevel, onLimit) {
    onLevel(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0) / 32768);
    this.packets.push(pcm);
    this.samples += pcm.length;
    if (this.samples >= (MAX_TAKE_S - 0.5) * RATE) onLimit();
  }

  open() { return this.source.open(); }

  // Stops and returns all samples.
  async close() {
    await this.source.close();
    const pcm = new Int16Array(this.samples);
    let at = 0;
    for (const packet of this.packets) { pcm.set(packet, at); at += packet.length; }
    return pcm;
  }
}

// The samples as base64, little-endian as all browsers store them.
function toBase64(pcm) {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
