// The visible window of a clip, with zoom and scrolling. The outline, the axis and the spectrogram always show the same
// time range. Marks on the timeline are placed in percent of the duration, so that they follow the zoom.

const MAX_PX_PER_S = 4000, MAX_TIMELINE_PX = 8e6;
const READABLE_PX_PER_S = 130; // at which most words fit between their times
const ZOOM_STEP = 2;
const NARROW_PX = 480;

class View {
  constructor(root) {
    for (const name of ["scroller", "timeline", "pane", "outline", "axis", "mel", "words", "regions"]) this[name] = root.querySelector(`.${name}`);
    Object.assign(this, { root, clip: null, picture: null, zoom: 1, spoken: [] });
    this.scroller.addEventListener("scroll", () => this.scheduleDraw());
    new ResizeObserver(() => this.handleResize()).observe(this.scroller);
    new MutationObserver(() => this.updateColours()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.scroller.addEventListener("wheel", (event) => this.handleWheel(event), { passive: false });
  }

  get width() { return this.scroller.clientWidth; }
  get pxPerSecond() { return (this.width * this.zoom) / this.clip.duration_s; }
  get maxZoom() { return Math.max(1, Math.min(MAX_TIMELINE_PX, MAX_PX_PER_S * this.clip.duration_s) / Math.max(1, this.width)); }
  get from() { return this.scroller.scrollLeft / this.pxPerSecond; }
  get to() { return Math.min(this.clip.duration_s, this.from + this.width / this.pxPerSecond); }

  show(clip) {
    Object.assign(this, { clip: { ...clip, outline: decodeOutline(clip.outline) }, picture: null, image: null, zoom: 1 });
    this.layOut(0);
    this.regions.replaceChildren(...clip.speech.map(([start, end]) => this.mark(document.createElement("i"), start, end)));
    const image = new Image(), current = this.clip;
    image.onload = () => { if (this.clip === current) { this.image = image; this.updateColours(); } };
    image.src = clip.mel;
  }

  // Shows words under the spectrogram: [{ text, start, end, mark }], in order of time.
  showWords(spoken) {
    this.spoken = spoken;
    this.words.hidden = !spoken.length;
    this.draw();
  }

  // Zooms in so far that words can be read.
  zoomToWords() {
    if (this.clip && this.spoken.length && this.width) this.zoomTo(this.clip.duration_s / (this.width / READABLE_PX_PER_S), 0);
  }

  // Places a node over the time range [start, end) of the timeline.
  mark(node, start, end) {
    const percent = (s) => `${(100 * s) / this.clip.duration_s}%`;
    Object.assign(node.style, { left: percent(start), width: percent(end - start) });
    return node;
  }

  timeAt(clientX) {
    const x = clientX - this.timeline.getBoundingClientRect().left;
    return Math.min(this.clip.duration_s, Math.max(0, x / this.pxPerSecond));
  }

  // Zooms around `x`, a position in the window in pixels.
  zoomTo(zoom, x = this.width / 2) {
    const time = this.from + x / this.pxPerSecond;
    this.zoom = Math.min(this.maxZoom, Math.max(1, zoom));
    this.layOut(time * this.pxPerSecond - x);
  }

  handleWheel(event) {
    if (!this.clip || !(event.ctrlKey || event.metaKey)) return; // the page scrolls
    event.preventDefault();
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event.clientX - this.scroller.getBoundingClientRect().left);
  }

  // Scrolls so that a time is visible.
  scrollTo(time) {
    const x = time * this.pxPerSecond - this.scroller.scrollLeft;
    if (x < 0 || x > this.width) this.scroller.scrollLeft = time * this.pxPerSecond - this.width / 10;
  }

  handleResize() {
    this.root.classList.toggle("narrow", this.root.clientWidth < NARROW_PX);
    if (!this.clip || !this.width) return;
    this.zoom = Math.min(this.zoom, this.maxZoom);
    this.layOut(this.scroller.scrollLeft);
  }

  layOut(left) {
    this.timeline.style.width = `${100 * this.zoom}%`;
    this.scroller.scrollLeft = left;
    this.root.querySelector(".out").disabled = this.root.querySelector(".fit").disabled = this.zoom <= 1;
    this.root.querySelector(".in").disabled = this.zoom >= this.maxZoom;
    this.draw();
  }

  updateColours() {
    if (this.image) this.picture = colourise(this.image, this.mel);
    this.draw();
  }

  scheduleDraw() {
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); });
  }

  draw() {
    if (!this.clip || !this.width) return; // `from` needs a clip
    const { width, from, clip } = this;
    this.pane.style.width = `${width}px`;
    const to = from + width / this.pxPerSecond;
    drawOutline(this.outline, clip, from, to, width);
    drawAxis(this.axis, from, to, width);
    drawMel(this.mel, this.picture, clip, from, to, width);
    if (this.spoken.length) drawWords(this.words, this.spoken, from, to, width);
  }
}
