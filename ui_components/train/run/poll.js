// Asks for updates of the Run tab while it is visible. An update costs the browser much, so while a run is in progress the
// tab asks the server whether something has changed: a new result is shown at once, progress every few seconds.
const CHECK_MS = 250, RESULT_MS = 700, PROGRESS_MS = 3000, IDLE_MS = 5000;
let askedAt = 0, isAsking = false, shown = {};

const isVisible = () => !document.hidden && element.checkVisibility();
const runInProgress = () => element.querySelector("[data-in-progress]")?.dataset.inProgress;
const update = () => { askedAt = Date.now(); trigger("poll"); };

// Returns the server's answer; null if there was none.
const changes = async (run) => {
  const url = new URL("qal/run-changes", location.href.split(/[?#]/)[0]);
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ run }) };
  const response = await fetch(url, options).catch(() => null);
  return response?.ok ? response.json().catch(() => null) : null;
};

const check = async () => {
  const waitedMs = Date.now() - askedAt, run = runInProgress();
  if (!isVisible()) return;
  if (waitedMs >= IDLE_MS || (run === "" && waitedMs >= RESULT_MS)) return update(); // "": a run that is being started
  if (!run || waitedMs < RESULT_MS) return;
  const found = await changes(run);
  if (!found) return;
  const hasResult = found.results !== shown.results, hasProgress = found.progress !== shown.progress;
  if (!hasResult && !(hasProgress && waitedMs >= PROGRESS_MS)) return;
  shown = found;
  update();
};

const timer = setInterval(async () => {
  if (!element.isConnected) return clearInterval(timer);
  if (isAsking) return;
  isAsking = true;
  await check().finally(() => { isAsking = false; });
}, CHECK_MS);
