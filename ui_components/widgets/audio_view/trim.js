// The selected time range, which can be played and downloaded. It is set with two handles, by dragging, or as numbers.

const MIN_SELECTION_S = 0.05;
const MIN_DRAG_PX = 4; // a shorter movement is a click

class Trim {
  constructor(root, view, player, onChange) {
    Object.assign(this, { view, player, onChange, start: 0, end: 0 });
    this.shades = [...root.querySelectorAll(".shade")];
    this.handles = [...root.querySelectorAll(".handle")];
    this.fields = [...root.querySelectorAll(".trim input")];
    this.handles.forEach((handle, i) => {
      handle.onpointerdown = (event) => this.drag(event, handle, (time) => this.set(...this.withEnd(i, time)));
      handle.onkeydown = (event) => this.handleKey(event, i);
    });
    this.fields.forEach((field, i) => { field.onchange = () => this.handleInput(field, i); });
    view.timeline.onpointerdown = (event) => this.handlePointer(event);
  }

  get duration() { return this.view.clip.duration_s; }
  get canTrim() { return this.fields.length > 0; } // false in a small view, which only shows and plays
  get isFullClip() { return this.start === 0 && this.end === this.duration; }

  selectAll() { this.set(0, this.duration); }

  // The range after its start (i = 0) or end (i = 1) is moved to `time`.
  withEnd(i, time) {
    if (i === 1) return [this.start, Math.max(time, this.start + MIN_SELECTION_S)];
    return [Math.min(time, this.end - MIN_SELECTION_S), this.end];
  }

  set(start, end) {
    const clamp = (time) => Math.min(this.duration, Math.max(0, time));
    [this.start, this.end] = [clamp(Math.min(start, this.duration - MIN_SELECTION_S)), clamp(end)];
    if (!this.canTrim) return;
    const ends = [this.start, this.end];
    this.view.mark(this.shades[0], 0, this.start);
    this.view.mark(this.shades[1], this.end, this.duration);
    this.handles.forEach((handle, i) => {
      handle.style.left = `${(100 * ends[i]) / this.duration}%`;
      for (const [name, value] of [["valuemax", this.duration.toFixed(2)], ["valuenow", ends[i].toFixed(2)], ["valuetext", `${ends[i].toFixed(2)} s`]])
        handle.setAttribute(`aria-${name}`, value);
    });
    this.fields.forEach((field, i) => { field.value = ends[i].toFixed(2); field.max = this.duration.toFixed(2); });
  }

  commit() { this.onChange(this.start, this.end); }

  handleInput(field, i) {
    const time = parseFloat(field.value);
    const exact = i && field.value === this.duration.toFixed(2) ? this.duration : time; // the shown end is rounded
    this.set(...(Number.isFinite(time) ? this.withEnd(i, exact) : [this.start, this.end]));
    this.showEnd(i);
  }

  handleKey(event, i) {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    this.set(...this.withEnd(i, [this.start, this.end][i] + step * (event.shiftKey ? 1 : 0.05)));
    this.showEnd(i);
  }

  showEnd(i) {
    this.view.scrollTo([this.start, this.end][i]);
    this.commit();
  }

  drag(event, node, move) {
    event.stopPropagation();
    node.setPointerCapture(event.pointerId);
    node.onpointermove = (moved) => move(this.view.timeAt(moved.clientX));
    node.onpointerup = node.onpointercancel = () => {
      node.onpointermove = node.onpointerup = node.onpointercancel = null;
      this.commit();
    };
  }

  // On the timeline, a click moves the playhead and dragging with the mouse selects a range. Dragging on a touch screen scrolls.
  handlePointer(event) {
    if (event.button || !this.view.clip) return;
    const timeline = this.view.timeline, origin = this.view.timeAt(event.clientX);
    let dragged = false;
    timeline.setPointerCapture(event.pointerId);
    const finish = () => { timeline.onpointermove = timeline.onpointerup = timeline.onpointercancel = null; };
    timeline.onpointermove = (moved) => {
      if (event.pointerType === "touch" || !this.canTrim) return;
      if (!dragged && Math.abs(moved.clientX - event.clientX) < MIN_DRAG_PX) return;
      dragged = true;
      const time = this.view.timeAt(moved.clientX);
      if (Math.abs(time - origin) >= MIN_SELECTION_S) this.set(Math.min(origin, time), Math.max(origin, time));
    };
    timeline.onpointerup = () => { finish(); dragged ? this.commit() : this.player.seek(origin); };
    timeline.onpointercancel = finish;
  }
}
