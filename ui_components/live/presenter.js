// How the captions look: text size, columns, contrast, full screen. Remembered in the browser.

const VIEW_KEY = "qal-live-view";

class CaptionView {
  constructor(live) {
    this.live = live;
    this.options = { size: 100, columns: "two", contrast: false, ...loadValue("localStorage", VIEW_KEY, {}) };
    for (const range of live.querySelectorAll(".text-size"))
      range.oninput = () => this.change({ size: Number(range.value) });
    live.querySelector(".columns").onchange = (event) => this.change({ columns: event.target.value });
    live.querySelector(".contrast").onchange = (event) => this.change({ contrast: event.target.checked });
    live.querySelector(".present").onclick = () => this.enter();
    live.querySelector(".leave").onclick = () => this.leave();
    document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) this.show(false); });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.isFull) this.leave(); });
    this.change({});
  }

  get isFull() { return this.live.classList.contains("full"); }

  change(options) {
    Object.assign(this.options, options);
    storeValue("localStorage", VIEW_KEY, this.options);
    const { size, columns, contrast } = this.options;
    this.live.style.setProperty("--qal-text-scale", size / 100);
    for (const range of this.live.querySelectorAll(".text-size")) range.value = size;
    this.live.querySelector(".columns").value = columns;
    this.live.querySelector(".contrast").checked = contrast;
    this.live.classList.toggle("one-column", columns === "one");
    this.live.classList.toggle("high-contrast", contrast);
  }

  // An iPhone has no full screen for a page; there, the captions cover the page.
  async enter() {
    this.show(true);
    try { await this.live.requestFullscreen?.(); } catch (error) { console.info("no full screen:", error); }
  }

  leave() {
    if (document.fullscreenElement) document.exitFullscreen();
    this.show(false);
  }

  show(isFull) {
    this.live.classList.toggle("full", isFull);
    document.body.classList.toggle("qal-full", isFull);
    if (isFull) this.live.querySelector(".leave").focus({ preventScroll: true });
  }
}
