// Plays a clip and moves the playhead. Only one player of the page plays at a time.

class Player {
  constructor(root, view) {
    Object.assign(this, { root, view, audio: new Audio(), until: null, onPosition: () => {} });
    this.playhead = root.querySelector(".playhead");
    this.button = root.querySelector(".play");
    this.audio.preload = "metadata";
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
    this.audio.onplay = () => { document.dispatchEvent(new CustomEvent("qal-playing", { detail: this })); this.updateButton(); reducedMotion.matches || this.animate(); };
    this.audio.onpause = () => { this.updateButton(); this.updatePosition(); };
    this.audio.ontimeupdate = this.audio.onseeked = () => this.updatePosition();
    this.audio.onerror = () => this.view.clip && this.showProblem("The audio could not be loaded; choose it again.");
    document.addEventListener("qal-playing", (event) => event.detail === this || this.audio.pause());
    this.playhead.addEventListener("keydown", (event) => this.handleKey(event));
  }

  show(clip) {
    this.audio.pause();
    this.showProblem("");
    this.until = null;
    this.audio.src = new URL(clip.url, location.href.split(/[?#]/)[0]).href;
    this.updatePosition();
  }

  stop() {
    this.audio.pause();
    this.audio.removeAttribute("src");
  }

  toggle() {
    if (!this.audio.paused) return this.audio.pause();
    this.play(this.audio.ended ? 0 : this.audio.currentTime, null);
  }

  async play(from, until) {
    this.until = until;
    this.audio.currentTime = from;
    try { await this.audio.play(); } catch (error) {
      if (error.name !== "AbortError") this.showProblem("The browser blocked playback; press Play again.");
    }
  }

  seek(time) {
    this.until = null;
    this.audio.currentTime = Math.min(this.view.clip.duration_s, Math.max(0, time));
    this.updatePosition();
  }

  animate() {
    this.updatePosition();
    if (!this.audio.paused) requestAnimationFrame(() => this.animate());
  }

  updatePosition() {
    if (!this.root.isConnected) return this.audio.pause();
    if (!this.view.clip) return;
    if (this.until !== null && this.audio.currentTime >= this.until) { this.until = null; this.audio.pause(); }
    const { duration_s: duration } = this.view.clip, now = Math.min(duration, this.audio.currentTime);
    this.playhead.style.left = `${(100 * now) / duration}%`;
    const position = `${clock(now, 1)} of ${clock(duration, 1)}`;
    for (const [name, value] of [["valuemax", duration.toFixed(2)], ["valuenow", now.toFixed(2)], ["valuetext", position]])
      this.playhead.setAttribute(`aria-${name}`, value);
    this.root.querySelector(".time").textContent = position.replace("of", "/");
    if (!this.audio.paused) this.view.scrollTo(now);
    this.onPosition(now, !this.audio.paused);
  }

  updateButton() { this.button.textContent = this.audio.paused ? "Play" : "Pause"; }

  showProblem(text) {
    Object.assign(this.root.querySelector(".problem"), { textContent: text, hidden: !text });
  }

  handleKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === " ") this.toggle();
    else if (step) this.seek(this.audio.currentTime + step * (event.shiftKey ? 0.1 : 1));
    else return;
    event.preventDefault();
    this.view.scrollTo(this.audio.currentTime);
  }
}
