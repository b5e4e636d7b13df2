// The address of the page: its fragment names the tab, for example #train/run/20261127-101112-a1b2. The server selects
// the tabs of an address that is opened, or that the browser goes back to; this script writes the tabs that are selected.
const TAB = "live", INNER = { train: "new", data: "browse" }; // inner: those that are shown first, by their tab
const place = { tab: TAB, inner: { ...INNER }, run: "" };

const fragment = () => location.hash.slice(1);
const read = () => {
  const [tab, inner, run] = fragment().split("/").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  Object.assign(place, { tab: tab || TAB, run: run || place.run });
  if (Object.hasOwn(INNER, place.tab)) place.inner[place.tab] = inner || INNER[place.tab];
};
const written = () => {
  const inner = Object.hasOwn(INNER, place.tab) ? place.inner[place.tab] : "";
  const parts = [place.tab, inner, place.tab === "train" && inner === "run" ? place.run : ""];
  return parts.filter(Boolean).map(encodeURIComponent).join("/");
};
let isRestoring = fragment() !== "";
if (isRestoring) read();

// detail: the part of the place that has changed. A run is shown in the same entry of the history.
document.addEventListener("qal-opened", ({ detail: { inner, ...others } }) => {
  if (isRestoring) return;
  const before = written(); // not the fragment, which may leave out the inner tab
  Object.assign(place, others);
  Object.assign(place.inner, inner);
  const address = written();
  if (address === before) return;
  history["run" in others ? "replaceState" : "pushState"](history.state, "", `#${address}`);
});
document.addEventListener("qal-restored", () => { isRestoring = false; });
window.addEventListener("hashchange", () => {
  read();
  props.value = `${fragment() || TAB} ${Date.now()}`; // the same address may be opened twice
  trigger("change");
});
