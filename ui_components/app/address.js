// The address of the page: its fragment names the tab, for example #train/run/20261127-101112-a1b2. The server selects
// the tabs of an address that is opened, or that the browser goes back to; this script writes the tabs that are selected.
const TAB = "live";
const INNER = { train: "new", data: "browse", evaluate: "results" }; // those that are shown first, by their tab
const CHOSEN = { "train/run": "run", "evaluate/results": "evaluation" }; // what is chosen there, the third part
const place = { tab: TAB, inner: { ...INNER }, run: "", evaluation: "" };

const fragment = () => location.hash.slice(1);
const read = () => {
  const [tab, inner, chosen] = fragment().split("/").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  place.tab = tab || TAB;
  const kind = CHOSEN[`${tab}/${inner}`];
  if (kind && chosen) place[kind] = chosen;
  if (Object.hasOwn(INNER, place.tab)) place.inner[place.tab] = inner || INNER[place.tab];
};
const written = () => {
  const inner = Object.hasOwn(INNER, place.tab) ? place.inner[place.tab] : "";
  const kind = CHOSEN[`${place.tab}/${inner}`];
  const parts = [place.tab, inner, kind ? place[kind] : ""];
  return parts.filter(Boolean).map(encodeURIComponent).join("/");
};
let isRestoring = fragment() !== "";
if (isRestoring) read();

// detail: the part of the place that has changed. A run or an evaluation is shown in the same entry of the history.
document.addEventListener("qal-opened", ({ detail: { inner, ...others } }) => {
  if (isRestoring) return;
  const before = written(); // not the fragment, which may leave out the inner tab
  Object.assign(place, others);
  Object.assign(place.inner, inner);
  const address = written();
  if (address === before) return;
  history["run" in others || "evaluation" in others ? "replaceState" : "pushState"](history.state, "", `#${address}`);
});
document.addEventListener("qal-restored", () => { isRestoring = false; });
window.addEventListener("hashchange", () => {
  read();
  props.value = `${fragment() || TAB} ${Date.now()}`; // the same address may be opened twice
  trigger("change");
});
