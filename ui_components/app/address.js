// The address of the page: its fragment names the tab, for example #train/run/20261127-101112-a1b2. The server selects
// the tabs of an address that is opened, or that the browser goes back to; this script writes the tabs that are selected.
const TAB = "live", INNER = "new";
const place = { tab: TAB, inner: INNER, run: "" };

const fragment = () => location.hash.slice(1);
const read = () => {
  const [tab, inner, run] = fragment().split("/").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  Object.assign(place, { tab: tab || TAB, inner: inner || INNER, run: run || place.run });
};
const written = () => {
  const parts = place.tab !== "train" ? [place.tab] : [place.tab, place.inner, place.inner === "run" ? place.run : ""];
  return parts.filter(Boolean).map(encodeURIComponent).join("/");
};
let isRestoring = fragment() !== "";
if (isRestoring) read();

// detail: the part of the place that has changed. A run is shown in the same entry of the history.
document.addEventListener("qal-opened", ({ detail }) => {
  if (isRestoring) return;
  Object.assign(place, detail);
  const address = written();
  if (address === fragment() || (!fragment() && address === TAB)) return;
  history["run" in detail ? "replaceState" : "pushState"](history.state, "", `#${address}`);
});
document.addEventListener("qal-restored", () => { isRestoring = false; });
window.addEventListener("hashchange", () => {
  read();
  props.value = `${fragment() || TAB} ${Date.now()}`; // the same address may be opened twice
  trigger("change");
});
