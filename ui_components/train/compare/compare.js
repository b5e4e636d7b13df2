// Sorting, filtering and selection in the table of runs. The server receives the selection, and opened or edited runs.
const root = element;
const search = root.querySelector("input[type=search]"), count = root.querySelector(".count");
const sorting = { column: null, descending: false };
let selected = []; // ids of runs

const sendSelection = () =>
  document.dispatchEvent(new CustomEvent("qal-runs-selected", { detail: JSON.stringify(selected) }));
const tableRows = () => [...root.querySelectorAll("tbody tr[data-run]")];
const headers = () => [...root.querySelectorAll("thead th[aria-sort]")];
const columnName = (header) => header.firstElementChild.dataset.column;
const sortValue = (row, column) => {
  const text = row.children[column + 1]?.dataset.value;
  return text === undefined || text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
};
const compareValues = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

// Pinned runs stay at the top, and rows without a value at the bottom.
const sort = () => {
  const column = headers().findIndex((header) => columnName(header) === sorting.column);
  headers().forEach((header, i) =>
    header.setAttribute("aria-sort", i !== column ? "none" : sorting.descending ? "descending" : "ascending"));
  if (column < 0) return;
  const ordered = tableRows().map((row, i) => ({ row, i, value: sortValue(row, column) })).sort((a, b) =>
    b.row.dataset.pinned - a.row.dataset.pinned || (a.value === null) - (b.value === null) ||
    (a.value === null ? 0 : (sorting.descending ? -1 : 1) * compareValues(a.value, b.value)) || a.i - b.i);
  root.querySelector("tbody")?.append(...ordered.map(({ row }) => row));
};

// The filter also searches data-value, because a cell may show a shortened text such as "asterisk-en and 20 more".
const searchText = (row) =>
  [...row.children].map((cell) => `${cell.textContent} ${cell.dataset.value ?? ""}`).join(" ").toLowerCase();

const updateRows = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), rows = tableRows();
  for (const row of rows) {
    row.hidden = !words.every((word) => searchText(row).includes(word));
    row.querySelector(".choose").setAttribute("aria-checked", selected.includes(row.dataset.run));
  }
  const visible = rows.filter((row) => !row.hidden).length;
  const total = `${rows.length} run${rows.length === 1 ? "" : "s"}`;
  count.textContent = rows.length ? (visible === rows.length ? "" : `${visible} of `) + total +
    (selected.length ? `, ${selected.length} selected` : "") : "";
};

const onNewTable = () => {
  const existing = tableRows().map((row) => row.dataset.run), stillSelected = selected.filter((run) => existing.includes(run));
  if (stillSelected.length !== selected.length) {
    selected = stillSelected;
    sendSelection();
  }
  sort();
  updateRows();
};

root.addEventListener("click", ({ target }) => {
  const button = target.closest("button"), run = target.closest("tr")?.dataset.run;
  if (!button) return;
  if (button.dataset.column !== undefined) {
    const column = button.dataset.column;
    Object.assign(sorting, { descending: sorting.column === column && !sorting.descending, column });
    sort();
  } else if (button.classList.contains("choose")) {
    selected = selected.includes(run) ? selected.filter((id) => id !== run) : [...selected, run];
    updateRows();
    sendSelection();
  } else if (button.classList.contains("open")) trigger("open", { run });
  else if (button.classList.contains("edit")) trigger("edit", { run });
});
search.addEventListener("input", updateRows);
watch("value", onNewTable);
onNewTable();
