// The board: captions as lines that can be corrected, searched and taken away as a file.

const clock = (s, comma = ".") => {
  const ms = Math.round(1000 * s), two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(ms / 3600000))}:${two(Math.floor(ms / 60000) % 60)}:${two(Math.floor(ms / 1000) % 60)}${comma}${String(ms % 1000).padStart(3, "0")}`;
};
const short = (s) => (s >= 3600 ? `${Math.floor(s / 3600)}:${String(Math.floor(s / 60) % 60).padStart(2, "0")}` : Math.floor(s / 60)) + `:${String(Math.floor(s) % 60).padStart(2, "0")}`;
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const blocks = (lines, make) => lines.map(make).join("\n");

const FORMATS = {
  txt: (lines) => lines.map((l) => `[${short(l.start_s)}] ${l.text}\n`).join(""),
  srt: (lines) => blocks(lines, (l, i) => `${i + 1}\n${clock(l.start_s, ",")} --> ${clock(l.end_s, ",")}\n${l.text.replaceAll("-->", "->")}\n`),
  vtt: (lines) => "WEBVTT\n\n" + blocks(lines, (l) => `${clock(l.start_s)} --> ${clock(l.end_s)}\n${escaped(l.text)}\n`),
  json: (lines) => JSON.stringify({ segments: lines.map(({ start_s, end_s, text, words }) => ({ start_s, end_s, text, words })) }, null, 2) + "\n",
};

class Board {
  constructor(root) {
    this.list = root.querySelector("ol");
    this.root = root;
    this.clear();
  }

  clear() {
    this.lines = new Map(); // key -> final caption, in the order of time
    this.list.replaceChildren();
    this.tentative = null;
    this.root.classList.add("is-empty");
  }

  show(caption, part, offsetS, wire) {
    const key = `${part}:${caption.index}`;
    if (this.lines.has(key)) return; // told again after a break
    const times = { start_s: caption.start_s + offsetS, end_s: caption.end_s + offsetS };
    const words = caption.words.map((w) => ({ ...w, start_s: w.start_s + offsetS, end_s: w.end_s + offsetS }));
    this.tentative?.remove();
    this.tentative = null;
    if (!caption.text) return this.root.classList.toggle("is-empty", !this.lines.size);
    this.root.classList.remove("is-empty");
    const line = { ...caption, ...times, words, session: wire.session, kept: wire.keeps };
    const row = this.row(line);
    this.list.append(row);
    if (!caption.final) return void (this.tentative = row);
    this.lines.set(key, line);
    row.querySelector("span").addEventListener("input", (event) => {
      Object.assign(line, { text: event.target.innerText.replace(/\s+/g, " ").trim(), words: [] });
      if (line.kept) markAdded(row.lastChild, false);
    });
  }

  row(line) {
    const row = document.createElement("li"), time = document.createElement("time"), text = document.createElement("span");
    row.className = line.final ? "final" : "tentative";
    time.textContent = short(line.start_s);
    text.dir = "auto";
    if (line.final && line.words.length) text.append(...line.words.flatMap(wordNodes));
    else if (line.final) text.textContent = line.text;
    else text.append(Object.assign(document.createElement("b"), { textContent: line.text.slice(0, line.committed) }), line.text.slice(line.committed));
    if (line.final) Object.assign(text, { contentEditable: "plaintext-only", spellcheck: false, title: "Click to correct" });
    row.append(time, text);
    if (line.final && line.kept) row.append(addButton(line));
    return row;
  }

  search(words) {
    const wanted = words.toLocaleLowerCase();
    for (const row of this.list.children) row.hidden = !row.querySelector("span").textContent.toLocaleLowerCase().includes(wanted);
  }

  text(format) { return FORMATS[format]([...this.lines.values()].filter((line) => line.text)); }
}

function wordNodes(word, index) {
  const node = document.createElement("i"), plain = word.text.trimStart();
  node.textContent = plain;
  node.className = word.probability < 0.4 ? "doubtful" : word.probability < 0.7 ? "unsure" : "";
  node.title = `${Math.round(100 * word.probability)} %`;
  return index && plain !== word.text ? [" ", node] : [node];
}
