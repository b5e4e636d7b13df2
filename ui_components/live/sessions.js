// The session of the page (two with a comparison: a group) and the sessions of earlier. The page finds its session again
// after a reload or a crash: its ids are kept in the tab and in the browser, its captions on the server.

const GROUP_KEY = "qal-live-session", GROUPS_KEY = "qal-live-sessions"; // of the tab; of the browser
const SETTINGS_KEY = "qal-live-settings"; // of the tab, as in tab.py
const MAX_GROUPS = 100;
const SEEN_INTERVAL_MS = 5000; // while the page captions
const CONTINUE_MS = 120000; // a page that was reloaded within this time goes on by itself
const ADOPT_MS = 24 * 3600 * 1000; // a session that a crash interrupted is shown again within this time
const LOCK_TRIES = 10, LOCK_RETRY_MS = 200; // the page before a reload may still hold its lock
const INTERRUPTED = "Captioning was interrupted. Press Continue to go on with this session, or Clear to begin a new one.";

const packets = new PacketStore();
const knownGroups = () => loadValue("localStorage", GROUPS_KEY, []);
const randomName = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(36)).join("");
const newGroup = () =>
  ({ name: randomName(), started: Date.now(), seen: 0, isCapturing: false, source: "microphone", sessions: [] });
let group = newGroup(); // `sessions`: ids by place, from the left
let releaseGroup = () => {};
let keptPackets = []; // by place: what the page of before has not delivered

function saveGroup(changes = {}) {
  Object.assign(group, changes, { seen: Date.now() });
  storeValue("sessionStorage", GROUP_KEY, group);
  const others = knownGroups().filter((other) => other.name !== group.name);
  if (!group.sessions.some(Boolean)) return;
  // The browser's copy is for a crash. Saving audio has to be chosen again after one.
  const settings = group.isCapturing ? { ...window.qalSettings, keep_sound: false } : null;
  storeValue("localStorage", GROUPS_KEY, [{ ...group, settings }, ...others].slice(0, MAX_GROUPS));
}

function forgetSession(session) {
  const without = (sessions) => sessions.map((id) => (id === session ? null : id));
  const kept = knownGroups().map((other) => ({ ...other, sessions: without(other.sessions) }));
  storeValue("localStorage", GROUPS_KEY, kept.filter((other) => other.sessions.some(Boolean)));
  group.sessions = without(group.sessions);
}

// True if no other tab has the group. The browser releases the lock when the page is closed or crashes.
async function holdGroup(name, tries = 1) {
  if (!navigator.locks) return true;
  const held = await new Promise((resolve) => {
    navigator.locks.request(`${GROUP_KEY}-${name}`, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise((release) => { releaseGroup = release; });
    });
  });
  if (held || tries <= 1) return held;
  await delay(LOCK_RETRY_MS);
  return holdGroup(name, tries - 1);
}

// The group of this tab before a reload (`isOwn`), or one that a crash of the browser interrupted; null without one.
async function findGroup() {
  const own = loadValue("sessionStorage", GROUP_KEY, null);
  if (own) return (await holdGroup(own.name, LOCK_TRIES)) ? { found: own, isOwn: true } : null; // null: a copied tab
  if (!navigator.locks) return null;
  for (const { settings, ...found } of knownGroups()) {
    const isInterrupted = found.isCapturing && Date.now() - found.seen < ADOPT_MS;
    if (isInterrupted && (await holdGroup(found.name))) return { found, isOwn: false };
  }
  return null;
}

// Ends the group; the next packet begins a session of another one.
async function startNewGroup() {
  for (const place of group.sessions.keys()) packets.discard(group.name, place);
  saveGroup({ isCapturing: false });
  releaseGroup();
  group = newGroup();
  storeValue("sessionStorage", GROUP_KEY, group);
  await holdGroup(group.name);
}

// Shows the captions of the group's sessions.
async function showGroup() {
  for (const [place, session] of group.sessions.entries()) {
    if (!session) continue;
    try {
      panes[place].showSession(await readSession(session));
    } catch (error) {
      if (![400, 403].includes(error.status)) { showProblem(error.message); continue; } // the session is still there
      forgetSession(session); // deleted, or another user's
    }
  }
  capturedSamples = Math.round(RATE * Math.max(...panes.map((pane) => pane.captions.endS)));
}

// Returns a session with its captions. Retries while the server cannot be reached.
async function readSession(session) {
  for (;;) {
    try {
      const content = await postJson("qal/sessions/read", { session });
      showProblem("");
      return content;
    } catch (error) {
      if (error.status) throw error;
      showProblem(error.message);
      await delay(RETRY_MS.at(-1));
    }
  }
}

// Before the first packets of a connection: continues the numbers of the server, which may have received more than this
// page has kept, or less. Packets from `restoredEnd` on were recorded after the reload.
function alignPackets(connection, restoredEnd, next) {
  const first = connection.kept[0]?.first ?? connection.nextSample;
  if (next > restoredEnd) connection.kept = connection.kept.filter((packet) => packet.first >= restoredEnd);
  const shift = next > restoredEnd ? next - restoredEnd : Math.min(0, next - first);
  for (const packet of connection.kept) packet.first += shift;
  connection.nextSample += shift;
}

async function mayUseMicrophone() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state === "granted";
  } catch { return false; } // browsers that do not say
}

// Waits for Gradio, which restores the settings of the tab after the page has loaded.
async function waitForSettings() {
  const all = ({ compare, ...settings }) => (compare ?? "") + comparable(completeSettings(settings));
  const isRestored = () => {
    const stored = window.qalStored?.settings; // as tab.py found them
    return currentSettings().model && (!stored || all(stored) === all(currentSettings()));
  };
  for (let ms = 0; ms < MODEL_WAIT_MS && !isRestored(); ms += MODEL_CHECK_MS) await delay(MODEL_CHECK_MS);
}

// Shows the session of before, and goes on with it if the page was captioning and the browser allows it. Else what was
// spoken before becomes final, and the user continues.
async function restoreGroup() {
  packets.discardOld();
  const search = await findGroup();
  if (!search) return void holdGroup(group.name);
  group = search.found;
  find(".source").value = group.source;
  await showGroup();
  if (!group.sessions.some(Boolean)) return void startNewGroup();
  if (!group.isCapturing) return;
  keptPackets = await Promise.all(group.sessions.map((_, place) => packets.read(group.name, place)));
  const wasJustNow = search.isOwn && Date.now() - group.seen < CONTINUE_MS;
  await waitForSettings();
  if (wasJustNow && group.source === "microphone" && (await mayUseMicrophone())) return start();
  isInterrupted = true;
  showNotice(INTERRUPTED);
  showBadge(BADGES.finishing);
  find(".start").disabled = true;
  for (const pane of panes) if (pane.settings.model && group.sessions[pane.place]) pane.connect();
  saveGroup({ isCapturing: false });
  await stop();
}
