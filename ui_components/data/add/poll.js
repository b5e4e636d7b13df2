// Asks for the progress of the imports while one is running and the page is seen; each event costs the page some time.
const POLL_MS = 2000, CHECK_MS = 500;
let askedAt = 0;

const pollTimer = setInterval(() => {
  if (!element.isConnected) return clearInterval(pollTimer);
  const isShown = !document.hidden && element.checkVisibility() && element.querySelector("[data-in-progress]");
  if (!isShown || Date.now() - askedAt < POLL_MS) return;
  askedAt = Date.now();
  trigger("poll");
}, CHECK_MS);
