// Asks for updates of the Run tab while it is visible: often while a run is in progress, seldom otherwise.
const IN_PROGRESS_MS = 500, IDLE_MS = 5000, CHECK_MS = 100;
let askedAt = 0;

const isVisible = () => !document.hidden && element.checkVisibility();
const intervalMs = () => (element.querySelector("[data-in-progress]") ? IN_PROGRESS_MS : IDLE_MS);

const timer = setInterval(() => {
  if (!element.isConnected) return clearInterval(timer);
  if (!isVisible() || Date.now() - askedAt < intervalMs()) return;
  askedAt = Date.now();
  trigger("poll");
}, CHECK_MS);
