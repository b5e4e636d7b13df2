// The view: a window on the sound, as wide as the page lets it be. Outline, axis and log-mel always show the same
// stretch; marks lie over them in shares of the whole, so that a zoom moves them with it.

const MOST_PX_PER_S = 4000, MOST_PX = 8e6; // of the whole sound, zoomed in
const ZOOM_STEP = 2;
const NARROW_PX = 480;

class View {
  constructor(root) {
    for (const part of ["scroller", "wide", "pane", "outline", "axis", "mel", "regions"]) this[part] = root.querySelector(`.${part}`);
    Object.assign(this, { root, sound: null, picture: null, zoom: 1 });
    this.scroller.addEventListener("scroll", () => this.soon());
    new ResizeObserver(() => this.resized()).observe(this.scroller);
    new MutationObserver(() => this.recolour()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  get width() { return this.scroller.clientWidth; }
  get perSecond() { return (this.width * this.zoom) / this.sound.duration_s; } // pixels
  get mostZoom() { return Math.max(1, Math.min(MOST_PX, MOST_PX_PER_S * this.sound.duration_s) / Math.max(1, this.width)); }
  get from() { return this.scroller.scrollLeft / this.perSecond; }
  get to() { return Math.min(this.sound.duration_s, this.from + this.width / this.perSecond); }

  show(sound) {
    Object.assign(this, { sound: { ...sound, outline: bytes(sound.outline) }, picture: null, image: null, zoom: 1 });
    this.place(0);
    this.regions.replaceChildren(...sound.speech.map(([start, end]) => this.mark(document.createElement("i"), start, end)));
    const image = new Image(), mine = this.sound;
    image.onload = () => { if (this.sound === mine) { this.image = image; this.recolour(); } };
    image.src = sound.mel;
  }

  // A node over [start, end) of the whole.
  mark(node, start, end) {
    const share = (s) => `${(100 * s) / this.sound.duration_s}%`;
    Object.assign(node.style, { left: share(start), width: share(end - start) });
    return node;
  }

  timeAt(clientX) {
    const x = clientX - this.wide.getBoundingClientRect().left;
    return Math.min(this.sound.duration_s, Math.max(0, x / this.perSecond));
  }

  // Zooms so that what is at `x` pixels of the window stays there.
  zoomTo(zoom, x = this.width / 2) {
    const time = this.from + x / this.perSecond;
    this.zoom = Math.min(this.mostZoom, Math.max(1, zoom));
    this.place(time * this.perSecond - x);
  }

  wheel(event) {
    if (!this.sound || !(event.ctrlKey || event.metaKey)) return; // the page scrolls
    event.preventDefault();
    this.zoomTo(this.zoom * Math.exp(-event.deltaY / 300), event.clientX - this.scroller.getBoundingClientRect().left);
  }

  // Brings a time into the window.
  follow(time) {
    const x = time * this.perSecond - this.scroller.scrollLeft;
    if (x < 0 || x > this.width) this.scroller.scrollLeft = time * this.perSecond - this.width / 10;
  }

  resized() {
    this.root.classList.toggle("narrow", this.root.clientWidth < NARROW_PX);
    if (!this.sound || !this.width) return;
    this.zoom = Math.min(this.zoom, this.mostZoom);
    this.place(this.scroller.scrollLeft);
  }

  place(left) {
    this.wide.style.width = `${100 * this.zoom}%`;
    this.scroller.scrollLeft = left;
    this.root.querySelector(".out").disabled = this.root.querySelector(".whole").disabled = this.zoom <= 1;
    this.root.querySelector(".in").disabled = this.zoom >= this.mostZoom;
    this.draw();
  }

  recolour() {
    if (this.image) this.picture = tinted(this.image, this.mel);
    this.draw();
  }

  soon() {
    this.drawing ??= requestAnimationFrame(() => { this.drawing = null; this.draw(); });
  }

  draw() {
    const { width, from, sound } = this;
    if (!sound || !width) return;
    this.pane.style.width = `${width}px`;
    const to = from + width / this.perSecond;
    drawOutline(this.outline, sound, from, to, width);
    drawAxis(this.axis, from, to, width);
    drawMel(this.mel, this.picture, sound, from, to, width);
  }
}
