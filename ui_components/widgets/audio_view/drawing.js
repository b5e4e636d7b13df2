// Drawing: outline, log-mel and seconds of the stretch [from, to) of a sound, each on its canvas.

const STEPS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600];
const TICK_PX = 76; // between two numbers on the axis, at least
const OUTLINE_MIN = 0.05; // of full scale: what is softer is not drawn larger than this allows
const FULL_RANGE = 127; // of the numbers that an outline is made of

const clock = (s, decimals = 0) => {
  const unit = 10 ** decimals, whole = Math.round(s * unit) / unit, two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const seconds = (whole % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return h ? `${h}:${two(m)}:${seconds}` : `${m}:${seconds}`;
};
const colour = (node, name) => getComputedStyle(node).getPropertyValue(name).trim();
const bytes = (text) => Int8Array.from(atob(text), (c) => c.charCodeAt(0));

// A canvas as sharp as the screen, empty, in pixels of the page.
function cleared(canvas, width) {
  const height = canvas.clientHeight, sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
  const context = canvas.getContext("2d");
  context.scale(sharp, sharp);
  return { context, height };
}

function drawOutline(canvas, sound, from, to, width) {
  const { context, height } = cleared(canvas, width);
  const { outline, outline_s: columnS } = sound, columns = outline.length / 2, middle = height / 2;
  const scale = (middle - 2) / (FULL_RANGE * Math.max(OUTLINE_MIN, sound.loudest)), stepS = (to - from) / width;
  context.fillStyle = colour(canvas, "--qal-outline");
  for (let x = 0; x < width; x += 0.5) {
    const first = Math.floor((from + x * stepS) / columnS);
    const last = Math.min(columns, Math.max(first + 1, Math.ceil((from + (x + 0.5) * stepS) / columnS)));
    let low = FULL_RANGE, high = -FULL_RANGE;
    for (let i = first; i < last; i++) {
      low = Math.min(low, outline[2 * i]);
      high = Math.max(high, outline[2 * i + 1]);
    }
    if (first < columns) context.fillRect(x, middle - high * scale - 0.5, 0.5, (high - low) * scale + 1);
  }
}

// The picture's grey, from the quietest to the loudest, in the theme's colours.
function tinted(image, node) {
  const line = Object.assign(document.createElement("canvas"), { width: 256, height: 1 }).getContext("2d");
  const shades = line.createLinearGradient(0, 0, 256, 0);
  ["--qal-quiet", "--qal-soft", "--qal-loud", "--qal-loudest"].forEach((name, i, all) =>
    shades.addColorStop(i / (all.length - 1), colour(node, name)));
  line.fillStyle = shades;
  line.fillRect(0, 0, 256, 1);
  const tones = new Uint32Array(line.getImageData(0, 0, 256, 1).data.buffer);
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height), toned = new Uint32Array(pixels.data.buffer);
  for (let i = 0; i < toned.length; i++) toned[i] = tones[pixels.data[4 * i]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function drawMel(canvas, picture, sound, from, to, width) {
  const { context, height } = cleared(canvas, width);
  if (!picture) return;
  const { mel_s: columnS, mel_from_s: zeroS } = sound;
  const left = ((zeroS - from) * width) / (to - from), wide = (picture.width * columnS * width) / (to - from);
  const first = Math.max(0, Math.floor((from - zeroS) / columnS)), last = Math.min(picture.width, Math.ceil((to - zeroS) / columnS));
  const pixels = wide / picture.width; // a column
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, first, 0, last - first, picture.height, left + first * pixels, 0, (last - first) * pixels, height);
}

function drawAxis(canvas, from, to, width) {
  const { context, height } = cleared(canvas, width);
  const step = STEPS_S.find((s) => (s * width) / (to - from) >= TICK_PX) ?? STEPS_S.at(-1);
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
