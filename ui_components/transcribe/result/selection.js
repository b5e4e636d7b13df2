// The selected word of a transcript, the keyboard, and the sound. The list has one tab stop; arrows move in it.

class Selection {
  // onChange(line, word) is called after each change.
  constructor(lines, announce, onChange) {
    Object.assign(this, { lines, announce, onChange, line: -1, word: 0, playing: null });
  }

  get segment() { return this.lines.segments[this.line]; }
  get current() { return this.segment?.words[this.word]; }

  select(line, word, { focus = true, isSilent = false } = {}) {
    const { segments } = this.lines;
    if (!segments.length) return this.clear();
    this.line = Math.min(Math.max(0, line), segments.length - 1);
    this.word = Math.min(Math.max(0, word), Math.max(0, this.segment.words.length - 1));
    this.show(focus);
    if (!isSilent && this.current) {
      const [text, , , probability] = this.current;
      const unsure = markOf(probability) ? `, ${Math.round(100 * probability)} percent` : "";
      this.announce(`${text.trim()}${unsure}`);
    }
    this.onChange();
  }

  clear() {
    this.line = -1;
    this.onChange();
  }

  show(focus) {
    const { list } = this.lines;
    list.querySelectorAll(".selected").forEach((node) => node.classList.remove("selected"));
    list.querySelectorAll("li[tabindex]").forEach((node) => node.removeAttribute("tabindex"));
    const item = this.lines.line(this.line);
    if (!item) return;
    item.classList.add("selected");
    item.tabIndex = 0;
    list.tabIndex = -1;
    const word = this.lines.word(this.line, this.word);
    word?.classList.add("selected");
    if (focus) {
      item.focus({ preventScroll: true });
      keepInSight(list, word ?? item);
    }
  }

  moveWord(step) {
    const { segments } = this.lines;
    let [line, word] = [this.line, this.word + step];
    if (word < 0 && line > 0) [line, word] = [line - 1, Infinity];
    else if (word >= (this.segment?.words.length ?? 0) && line < segments.length - 1) [line, word] = [line + 1, 0];
    this.select(line, word === Infinity ? segments[line].words.length - 1 : word);
  }

  moveLine(step) {
    let line = this.line + step;
    while (this.lines.line(line)?.hidden) line += step;
    if (this.lines.segments[line]) this.select(line, 0);
  }

  nextUnsure() {
    const { segments } = this.lines;
    let word = this.line < 0 ? 0 : this.word + 1;
    for (let line = Math.max(0, this.line); line < segments.length; line++, word = 0) {
      for (; word < segments[line].words.length; word++) {
        if (markOf(segments[line].words[word][3])) return this.select(line, word);
      }
    }
    this.announce("No unsure word follows.");
  }

  // Marks the word that is heard.
  showPlaying(time) {
    const { segments } = this.lines;
    this.playing?.classList.remove("playing");
    this.playing = null;
    const line = segments.findIndex((s) => s.start <= time && time < s.end + 0.3);
    if (line < 0 || line >= this.lines.made) return;
    const word = segments[line].words.findIndex(([, start, end]) => start <= time && time < end);
    this.playing = word < 0 ? null : this.lines.word(line, word);
    this.playing?.classList.add("playing");
  }
}

// Scrolls a list, and not the page, so that a node is seen.
function keepInSight(list, node) {
  const box = list.getBoundingClientRect(), { top, bottom } = node.getBoundingClientRect();
  if (top < box.top + 8) list.scrollTop -= box.top + 8 - top;
  else if (bottom > box.bottom - 8) list.scrollTop += bottom - box.bottom + 8;
  if (box.bottom < 80 || box.top > innerHeight - 80) list.scrollIntoView({ block: "nearest" });
}
