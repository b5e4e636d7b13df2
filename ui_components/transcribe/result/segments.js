// The lines of a transcript: a line for each segment, a mark for each word of which the model was unsure. Only the first
// lines are made; more are made when they are scrolled to, or selected, so that ten hours are shown at once.

const UNLIKELY = 0.4, UNCERTAIN = 0.7; // word probabilities below these are marked, as in Live
const FIRST_LINES = 120, MORE_LINES = 200;

const lineTime = (s) => {
  const twoDigits = (n) => String(n).padStart(2, "0"), whole = Math.floor(s);
  const rest = `${twoDigits(whole % 60)}`, minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}:${rest}`;
};
const markOf = (probability) => probability === null ? "" : probability < UNLIKELY ? "doubtful" : probability < UNCERTAIN ? "unsure" : "";
const textOf = (segment) => segment.words.map(([text]) => text).join("").trim();
const nameOfLanguage = (code) => {
  try { return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code; } catch { return code; }
};

class Lines {
  constructor(list) {
    this.list = list;
    this.segments = [];
    list.addEventListener("scroll", () => {
      if (list.scrollTop + list.clientHeight > list.scrollHeight - 600) this.make(this.made + MORE_LINES);
    }, { passive: true });
  }

  get made() { return this.list.children.length; }

  // Shows all segments; with isSame, as many as before, at the same place.
  reset(segments, isSame) {
    const made = isSame ? this.made : 0, top = isSame ? this.list.scrollTop : 0;
    this.segments = segments;
    this.list.replaceChildren();
    this.make(Math.max(FIRST_LINES, made));
    this.list.scrollTop = top;
  }

  // Replaces `removed` segments from a position by others.
  replace(from, removed, segments) {
    const made = this.made;
    this.segments.splice(from, removed, ...segments);
    if (from > made) return;
    const after = this.list.children[from + removed] ?? null;
    for (let i = Math.min(removed, made - from); i > 0; i--) this.list.children[from].remove();
    const isAtEnd = after === null;
    const shown = isAtEnd ? segments.slice(0, Math.max(0, FIRST_LINES - from, removed)) : segments;
    shown.forEach((segment, i) => this.list.insertBefore(this.element(segment, this.segments[from + i - 1]), after));
    if (isAtEnd) this.make(FIRST_LINES);
  }

  make(count) {
    const fragment = document.createDocumentFragment(), end = Math.min(count, this.segments.length);
    for (let i = this.made; i < end; i++) fragment.append(this.element(this.segments[i], this.segments[i - 1]));
    this.list.append(fragment);
  }

  // The element of a line, which is made if need be.
  line(index) {
    if (index >= this.made) this.make(index + MORE_LINES);
    return this.list.children[index] ?? null;
  }

  word(line, word) { return this.line(line)?.querySelectorAll("i")[word] ?? null; }
  indexOf(item) { return [...this.list.children].indexOf(item); }

  element(segment, before) {
    const item = document.createElement("li"), time = document.createElement("button"), text = document.createElement("span");
    Object.assign(time, { type: "button", className: "time", tabIndex: -1, textContent: lineTime(segment.start) });
    time.setAttribute("aria-label", `Play the line at ${lineTime(segment.start)}`);
    Object.assign(text, { className: "text", dir: "auto", lang: segment.language });
    text.append(...segment.words.flatMap(wordNodes));
    item.append(time, text);
    const tags = [];
    if (before && before.language !== segment.language) tags.push(nameOfLanguage(segment.language));
    if (segment.channel !== null) tags.push(`Channel ${segment.channel + 1}`);
    if (tags.length) item.prepend(Object.assign(document.createElement("small"), { textContent: tags.join(" · ") }));
    return item;
  }

  search(query) {
    const lowered = query.trim().toLocaleLowerCase();
    if (lowered) this.make(this.segments.length);
    let found = 0;
    [...this.list.children].forEach((item, i) => {
      const matches = !lowered || textOf(this.segments[i]).toLocaleLowerCase().includes(lowered);
      item.hidden = !matches;
      found += matches;
    });
    return lowered ? found : null;
  }

  // All words for the view of the sound, in order of time.
  spoken() {
    const all = this.segments.flatMap((segment) => segment.words.map(([text, start, end, p]) => ({ text: text.trim(), start, end, mark: markOf(p) })));
    return all.sort((a, b) => a.start - b.start);
  }
}

// A word, marked if its probability is low, with the space before it.
function wordNodes([text, , , probability], index) {
  const node = document.createElement("i"), trimmed = text.trimStart();
  node.textContent = trimmed;
  node.className = markOf(probability);
  if (probability !== null) node.title = `${Math.round(100 * probability)} %`;
  return index && trimmed !== text ? [" ", node] : [node];
}
