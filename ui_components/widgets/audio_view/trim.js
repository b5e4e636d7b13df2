// The trim: the stretch that is played, cut out or used; by the two handles, by dragging, or as numbers.

const LEAST_S = 0.05;
const DRAG_PX = 4; // less is a click

class Trim {
  constructor(root, view, player, changed) {
    Object.assign(this, { view, player, changed, start: 0, end: 0 });
    this.shades = [...root.querySelectorAll(".shade")];
    this.handles = [...root.querySelectorAll(".handle")];
    this.fields = [...root.querySelectorAll(".trim input")];
    this.handles.forEach((handle, i) => {
      handle.onpointerdown = (event) => this.drag(event, handle, (time) => this.set(...this.with(i, time)));
      handle.onkeydown = (event) => this.key(event, i);
    });
    this.fields.forEach((field, i) => { field.onchange = () => this.typed(field, i); });
    view.wide.onpointerdown = (event) => this.press(event);
  }

  get length() { return this.view.sound.duration_s; }
  get isOn() { return this.fields.length > 0; } // a small view only shows and plays
  get isWhole() { return this.start === 0 && this.end === this.length; }

  show() { this.set(0, this.length); }

  // The two ends when one of them goes to `time`.
  with(i, time) {
    return i ? [this.start, Math.max(time, this.start + LEAST_S)] : [Math.min(time, this.end - LEAST_S), this.end];
  }

  set(start, end) {
    const within = (time) => Math.min(this.length, Math.max(0, time));
    [this.start, this.end] = [within(Math.min(start, this.length - LEAST_S)), within(end)];
    if (!this.isOn) return;
    const ends = [this.start, this.end];
    this.view.mark(this.shades[0], 0, this.start);
    this.view.mark(this.shades[1], this.end, this.length);
    this.handles.forEach((handle, i) => {
      handle.style.left = `${(100 * ends[i]) / this.length}%`;
      for (const [name, value] of [["valuemax", this.length.toFixed(2)], ["valuenow", ends[i].toFixed(2)], ["valuetext", `${ends[i].toFixed(2)} s`]])
        handle.setAttribute(`aria-${name}`, value);
    });
    this.fields.forEach((field, i) => { field.value = ends[i].toFixed(2); field.max = this.length.toFixed(2); });
  }

  settle() { this.changed(this.start, this.end); }

  typed(field, i) {
    const time = parseFloat(field.value);
    const exact = i && field.value === this.length.toFixed(2) ? this.length : time; // the end is not rounded
    this.set(...(Number.isFinite(time) ? this.with(i, exact) : [this.start, this.end]));
    this.seen(i);
  }

  key(event, i) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    this.set(...this.with(i, [this.start, this.end][i] + step * (event.shiftKey ? 1 : 0.05)));
    this.seen(i);
  }

  seen(i) {
    this.view.follow([this.start, this.end][i]);
    this.settle();
  }

  drag(event, node, move) {
    event.stopPropagation();
    node.setPointerCapture(event.pointerId);
    node.onpointermove = (moved) => move(this.view.timeAt(moved.clientX));
    node.onpointerup = node.onpointercancel = () => {
      node.onpointermove = node.onpointerup = node.onpointercancel = null;
      this.settle();
    };
  }

  // On the sound itself: a click goes there, a drag of the mouse chooses a stretch; a finger's drag scrolls.
  press(event) {
    if (event.button || !this.view.sound) return;
    const wide = this.view.wide, origin = this.view.timeAt(event.clientX);
    let dragged = false;
    wide.setPointerCapture(event.pointerId);
    const over = () => { wide.onpointermove = wide.onpointerup = wide.onpointercancel = null; };
    wide.onpointermove = (moved) => {
      if (event.pointerType === "touch" || !this.isOn) return;
      if (!dragged && Math.abs(moved.clientX - event.clientX) < DRAG_PX) return;
      dragged = true;
      const time = this.view.timeAt(moved.clientX);
      if (Math.abs(time - origin) >= LEAST_S) this.set(Math.min(origin, time), Math.max(origin, time));
    };
    wide.onpointerup = () => { over(); dragged ? this.settle() : this.player.seek(origin); };
    wide.onpointercancel = over;
  }
}
