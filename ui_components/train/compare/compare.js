// The table of runs: sorted, filtered and ticked in the page; the server is told what is ticked, opened or edited.
// What is ticked is told as a value, not with an event: Gradio forgets what came with one that has to wait.
const root = element;
const search = root.querySelector("input[type=search]"), count = root.querySelector(".count");
const sorting = { column: null, down: false };
let ticked = [];

const tell = () => document.dispatchEvent(new CustomEvent("qal-ticked", { detail: JSON.stringify(ticked) }));
const rows = () => [...root.querySelectorAll("tbody tr[data-run]")];
const heads = () => [...root.querySelectorAll("thead th[aria-sort]")];
const nameOf = (head) => head.firstElementChild.dataset.column;
const value = (row, column) => {
  const text = row.children[column + 1]?.dataset.value;
  return text === undefined || text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
};
const compared = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

const sort = () => {
  const column = heads().findIndex((head) => nameOf(head) === sorting.column);
  heads().forEach((head, i) =>
    head.setAttribute("aria-sort", i !== column ? "none" : sorting.down ? "descending" : "ascending"));
  if (column < 0) return;
  const ordered = rows().map((row, i) => ({ row, i, value: value(row, column) })).sort((a, b) =>
    b.row.dataset.pinned - a.row.dataset.pinned || (a.value === null) - (b.value === null) ||
    (a.value === null ? 0 : (sorting.down ? -1 : 1) * compared(a.value, b.value)) || a.i - b.i);
  root.querySelector("tbody")?.append(...ordered.map(({ row }) => row));
};

// A cell may show less than it holds: "asterisk-en and 20 more".
const said = (row) => [...row.children].map((cell) => `${cell.textContent} ${cell.dataset.value ?? ""}`).join(" ").toLowerCase();

const show = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), all = rows();
  for (const row of all) {
    row.hidden = !words.every((word) => said(row).includes(word));
    row.querySelector(".choose").setAttribute("aria-checked", ticked.includes(row.dataset.run));
  }
  const left = all.filter((row) => !row.hidden).length;
  count.textContent = all.length ? `${left === all.length ? "" : `${left} of `}${all.length} run${all.length === 1 ? "" : "s"}` +
    (ticked.length ? `, ${ticked.length} chosen` : "") : "";
};

const renewed = () => {
  const there = rows().map((row) => row.dataset.run), left = ticked.filter((run) => there.includes(run));
  if (left.length !== ticked.length) {
    ticked = left;
    tell();
  }
  sort();
  show();
};

root.addEventListener("click", ({ target }) => {
  const button = target.closest("button"), run = target.closest("tr")?.dataset.run;
  if (!button) return;
  if (button.dataset.column !== undefined) {
    const column = button.dataset.column;
    Object.assign(sorting, { down: sorting.column === column && !sorting.down, column });
    sort();
  } else if (button.classList.contains("choose")) {
    ticked = ticked.includes(run) ? ticked.filter((one) => one !== run) : [...ticked, run];
    show();
    tell();
  } else if (button.classList.contains("open")) trigger("open", { run });
  else if (button.classList.contains("edit")) trigger("edit", { run });
});
search.addEventListener("input", show);
watch("value", renewed);
renewed();
