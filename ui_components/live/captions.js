// The captions of one pane: lines that can be corrected, searched and downloaded.

const UNLIKELY = 0.4, UNCERTAIN = 0.7; // word probabilities below these are marked
const pad = (n, digits = 2) => String(n).padStart(digits, "0");

// 3661.5 -> 01:01:01.500, as subtitle files need it
const subtitleTime = (s, point = ".") => {
  const ms = Math.round(1000 * s);
  const hours = Math.floor(ms / 3600000), minutes = Math.floor(ms / 60000) % 60, seconds = Math.floor(ms / 1000) % 60;
  return `${pad(hours)}:${pad(minutes)}:${pad(seconds)}${point}${pad(ms % 1000, 3)}`;
};

// 75.2 -> 1:15; 3723 -> 1:02:03
const clockTime = (s) => {
  const start = s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}` : Math.floor(s / 60);
  return `${start}:${pad(Math.floor(s) % 60)}`;
};
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const srtCue = (line, i) =>
  `${i + 1}\n${subtitleTime(line.start_s, ",")} --> ${subtitleTime(line.end_s, ",")}\n${line.text.replaceAll("-->", "->")}\n`;
const vttCue = (line) => `${subtitleTime(line.start_s)} --> ${subtitleTime(line.end_s)}\n${escaped(line.text)}\n`;
const roundedTime = (s) => Math.round(1000 * s) / 1000; // an offset was added, which leaves 1.8399999999999999
const jsonSegment = ({ start_s, end_s, text, words, language }) => ({
  start_s: roundedTime(start_s),
  end_s: roundedTime(end_s),
  text,
  language: language ?? undefined,
  words: words?.map((w) => ({ ...w, start_s: roundedTime(w.start_s), end_s: roundedTime(w.end_s) })),
});

const FORMATS = {
  txt: (lines) => lines.map((line) => `[${clockTime(line.start_s)}] ${line.text}\n`).join(""),
  srt: (lines) => lines.map(srtCue).join("\n"),
  vtt: (lines) => "WEBVTT\n\n" + lines.map(vttCue).join("\n"),
  json: (lines) => JSON.stringify({ segments: lines.map(jsonSegment) }, null, 2) + "\n",
};

class CaptionList {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector("ol");
    this.clear();
  }

  clear() {
    this.lines = new Map(); // key -> final caption, in order of time
    this.list.replaceChildren();
    this.tentative = null; // the element of the tentative caption
    this.language = null; // of the last final line
    this.lastIndex = -1; // of the last final caption, also of one that was corrected to an empty text
    this.root.classList.add("is-empty");
  }

  get endS() { return Math.max(0, ...[...this.lines.values()].map((line) => line.end_s)); }

  show(caption, session, hasAudio) {
    const key = `${session}:${caption.index}`;
    if (this.lines.has(key)) return; // resent after a reconnection
    this.tentative?.remove();
    this.tentative = null;
    const isRecorded = caption.final && (caption.text || caption.edited);
    if (isRecorded) this.lastIndex = Math.max(this.lastIndex, caption.index);
    if (!caption.text) return this.root.classList.toggle("is-empty", !this.lines.size);
    this.root.classList.remove("is-empty");
    const line = { ...caption, session, hasAudio };
    const item = captionElement(line);
    if (line.final && line.language) {
      if (this.language && this.language !== line.language) item.prepend(languageTag(line.language));
      this.language = line.language;
    }
    this.list.append(item);
    if (!caption.final) return void (this.tentative = item);
    this.lines.set(key, line);
    makeEditable(item, line);
  }

  search(query) {
    const lowered = query.toLocaleLowerCase();
    for (const item of this.list.children) {
      item.hidden = !item.querySelector("span").textContent.toLocaleLowerCase().includes(lowered);
    }
  }

  text(format) { return FORMATS[format]([...this.lines.values()].filter((line) => line.text)); }
}

function captionElement(line) {
  const item = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
  item.className = line.final ? "final" : "tentative";
  time.textContent = clockTime(line.start_s);
  text.dir = "auto";
  text.lang = line.language ?? "";
  if (line.final && line.words.length) text.append(...line.words.flatMap(wordNodes));
  else if (line.final) text.textContent = line.text;
  else {
    const committed = Object.assign(document.createElement("b"), { textContent: line.text.slice(0, line.committed) });
    text.append(committed, line.text.slice(line.committed));
  }
  item.append(time, text);
  if (line.final && line.hasAudio) item.append(addButton(line));
  return item;
}

// Names the language of a line that differs from the line before.
function languageTag(code) {
  return Object.assign(document.createElement("small"), { className: "language", textContent: languageName(code) });
}

// A word, marked if its probability is low, with the space before it.
function wordNodes(word, index) {
  const node = document.createElement("i"), text = word.text.trimStart();
  node.textContent = text;
  node.className = word.probability < UNLIKELY ? "doubtful" : word.probability < UNCERTAIN ? "unsure" : "";
  node.title = `${Math.round(100 * word.probability)} %`;
  return index && text !== word.text ? [" ", node] : [node];
}
