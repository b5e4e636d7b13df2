// The player: one sound of the page at a time, its place shown by the playhead.

class Player {
  constructor(root, view) {
    Object.assign(this, { root, view, audio: new Audio(), until: null });
    this.head = root.querySelector(".playhead");
    this.button = root.querySelector(".play");
    this.audio.preload = "metadata";
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    this.audio.onplay = () => { document.dispatchEvent(new CustomEvent("qal-plays", { detail: this })); this.name(); still.matches || this.move(); };
    this.audio.onpause = () => { this.name(); this.place(); };
    this.audio.ontimeupdate = this.audio.onseeked = () => this.place();
    this.audio.onerror = () => this.view.sound && this.problem("The sound could not be loaded; choose it again.");
    document.addEventListener("qal-plays", (event) => event.detail === this || this.audio.pause());
    this.head.addEventListener("keydown", (event) => this.key(event));
  }

  show(sound) {
    this.audio.pause();
    this.problem("");
    this.until = null;
    this.audio.src = new URL(sound.url, location.href.split(/[?#]/)[0]).href;
    this.place();
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
      if (error.name !== "AbortError") this.problem("The browser did not play it; press Play again.");
    }
  }

  seek(time) {
    this.until = null;
    this.audio.currentTime = Math.min(this.view.sound.duration_s, Math.max(0, time));
    this.place();
  }

  move() {
    this.place();
    if (!this.audio.paused) requestAnimationFrame(() => this.move());
  }

  place() {
    if (!this.root.isConnected) return this.audio.pause();
    if (!this.view.sound) return;
    if (this.until !== null && this.audio.currentTime >= this.until) { this.until = null; this.audio.pause(); }
    const { duration_s: whole } = this.view.sound, now = Math.min(whole, this.audio.currentTime);
    this.head.style.left = `${(100 * now) / whole}%`;
    const said = `${clock(now, 1)} of ${clock(whole, 1)}`;
    for (const [name, value] of [["valuemax", whole.toFixed(2)], ["valuenow", now.toFixed(2)], ["valuetext", said]])
      this.head.setAttribute(`aria-${name}`, value);
    this.root.querySelector(".time").textContent = said.replace("of", "/");
    if (!this.audio.paused) this.view.follow(now);
  }

  name() { this.button.textContent = this.audio.paused ? "Play" : "Pause"; }

  problem(text) {
    Object.assign(this.root.querySelector(".problem"), { textContent: text, hidden: !text });
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === " ") this.toggle();
    else if (step) this.seek(this.audio.currentTime + step * (event.shiftKey ? 0.1 : 1));
    else return;
    event.preventDefault();
    this.view.follow(this.audio.currentTime);
  }
}
