// Draws the outline, the log-mel spectrogram and the time axis of the range [from, to) in seconds, each on its canvas.

const STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];
const MIN_TICK_PX = 76; // between two labels on the axis
const MIN_FULL_SCALE = 0.05; // quiet audio is not magnified beyond this
const OUTLINE_LEVELS = 127; // as in view.py

const clock = (s, decimals = 0) => {
  const unit = 10 ** decimals, rounded = Math.round(s * unit) / unit, two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
  const seconds = (rounded % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return h ? `${h}:${two(m)}:${seconds}` : `${m}:${seconds}`;
};
const colour = (node, name) => getComputedStyle(node).getPropertyValue(name).trim();
const decodeOutline = (text) => Int8Array.from(atob(text), (c) => c.charCodeAt(0));

// Clears a canvas and sets its resolution to the screen's. The context draws in CSS pixels.
function clearCanvas(canvas, width) {
  const height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, height };
}

function drawOutline(canvas, clip, from, to, width) {
  const { context, height } = clearCanvas(canvas, width);
  const { outline, outline_s: columnS } = clip, columns = outline.length / 2, middle = height / 2;
  const scale = (middle - 2) / (OUTLINE_LEVELS * Math.max(MIN_FULL_SCALE, clip.full_scale)), stepS = (to - from) / width;
  context.fillStyle = colour(canvas, "--qal-outline");
  for (let x = 0; x < width; x += 0.5) {
    const first = Math.floor((from + x * stepS) / columnS);
    const last = Math.min(columns, Math.max(first + 1, Math.ceil((from + (x + 0.5) * stepS) / columnS)));
    let low = OUTLINE_LEVELS, high = -OUTLINE_LEVELS;
    for (let i = first; i < last; i++) {
      low = Math.min(low, outline[2 * i]);
      high = Math.max(high, outline[2 * i + 1]);
    }
    if (first < columns) context.fillRect(x, middle - high * scale - 0.5, 0.5, (high - low) * scale + 1);
  }
}

// Maps the grey levels of a spectrogram to the colours of the theme.
function colourise(image, node) {
  const palette = Object.assign(document.createElement("canvas"), { width: 256, height: 1 }).getContext("2d");
  const gradient = palette.createLinearGradient(0, 0, 256, 0);
  ["--qal-quiet", "--qal-soft", "--qal-loud", "--qal-loudest"].forEach((name, i, all) =>
    gradient.addColorStop(i / (all.length - 1), colour(node, name)));
  palette.fillStyle = gradient;
  palette.fillRect(0, 0, 256, 1);
  const colours = new Uint32Array(palette.getImageData(0, 0, 256, 1).data.buffer);
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height), coloured = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < coloured.length; i++) coloured[i] = colours[pixels.data[4 * i]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function drawMel(canvas, picture, clip, from, to, width) {
  const { context, height } = clearCanvas(canvas, width);
  if (!picture) return;
  const { mel_s: columnS, mel_from_s: zeroS } = clip;
  const left = ((zeroS - from) * width) / (to - from), fullWidth = (picture.width * columnS * width) / (to - from);
  const first = Math.max(0, Math.floor((from - zeroS) / columnS)), last = Math.min(picture.width, Math.ceil((to - zeroS) / columnS));
  const columnPx = fullWidth / picture.width;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, first, 0, last - first, picture.height, left + first * columnPx, 0, (last - first) * columnPx, height);
}

function drawAxis(canvas, from, to, width) {
  const { context, height } = clearCanvas(canvas, width);
  const step = STEPS_S.find((s) => (s * width) / (to - from) >= MIN_TICK_PX) ?? STEPS_S.at(-1);
  const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  context.fillStyle = context.strokeStyle = colour(canvas, "--body-text-color-subdued");
  context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  for (let i = Math.ceil(from / step); i * step <= to; i++) {
    const x = ((i * step - from) * width) / (to - from);
    context.fillRect(x, 0, 1, 5);
    const text = clock(i * step, decimals), size = context.measureText(text).width;
    if (x + 4 + size < width) context.fillText(text, x + 4, height / 2 + 1);
  }
}

// Draws each word between its times, underlined in the colour of its mark; where there is no room, the line alone.
function drawWords(canvas, spoken, from, to, width) {
  const { context, height } = clearCanvas(canvas, width), pxPerSecond = width / (to - from);
  const colours = { "": colour(canvas, "--qal-outline"), unsure: colour(canvas, "--qal-unsure"), doubtful: colour(canvas, "--qal-doubtful") };
  context.font = `13px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  const textColour = colour(canvas, "--body-text-color");
  for (let i = firstWordAt(spoken, from); i < spoken.length && spoken[i].start < to; i++) {
    const { text, start, end, mark } = spoken[i];
    const left = (start - from) * pxPerSecond, right = (end - from) * pxPerSecond;
    context.fillStyle = colours[mark];
    context.fillRect(left + 0.5, height - 3, Math.max(1, right - left - 1), 2);
    const next = spoken[i + 1] ? Math.max(right, (spoken[i + 1].start - from) * pxPerSecond) : right + MIN_TICK_PX;
    if (context.measureText(text).width > next - left - 2) continue;
    context.fillStyle = textColour;
    context.fillText(text, left + 1, height / 2 - 1);
  }
}

// The index of the first word that ends after a time; words are in order.
function firstWordAt(spoken, time) {
  let low = 0, high = spoken.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spoken[middle].end <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
