// What the page keeps in the browser: values as JSON, and the audio that the server has not acknowledged (IndexedDB).

const DATABASE = "qal-live", PACKETS = "packets";
const MAX_STORED_S = 600; // audio without an acknowledgement, of one session
const MAX_STORED_AGE_MS = 24 * 3600 * 1000;

// A browser that blocks storage keeps nothing: the page works, but does not remember.
function loadValue(storage, key, fallback) {
  try { return JSON.parse(window[storage].getItem(key)) ?? fallback; } catch { return fallback; }
}
function storeValue(storage, key, value) {
  try { window[storage].setItem(key, JSON.stringify(value)); } catch (error) { console.info("not stored:", error); }
}

const asPromise = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// The packets of the sessions of a group, by their place in it. They survive a crash of the browser.
class PacketStore {
  constructor() {
    this.database = this.open().catch((error) => console.info("audio is kept in memory only:", error));
  }

  async open() {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(PACKETS, { keyPath: ["group", "place", "first"] });
    const database = await asPromise(request);
    database.onversionchange = () => database.close();
    return database;
  }

  // Runs `use(objectStore)`; undefined where the browser has no storage.
  async run(mode, use) {
    try {
      const database = await this.database;
      return database && (await asPromise(use(database.transaction(PACKETS, mode).objectStore(PACKETS))));
    } catch (error) { console.info("the storage of audio failed:", error); }
  }

  add(group, place, { first, pcm }) {
    return this.run("readwrite", (store) => store.put({ group, place, first, pcm, time: Date.now() }));
  }

  // Deletes the packets of a session that end at the sample `end` or before; without `end`, all of them.
  discard(group, place, end = Infinity) {
    const range = IDBKeyRange.bound([group, place, -Infinity], [group, place, end - PACKET_SAMPLES]);
    return this.run("readwrite", (store) => store.delete(range));
  }

  // The packets of a session in order, up to the first gap.
  async read(group, place) {
    const range = IDBKeyRange.bound([group, place, -Infinity], [group, place, Infinity]);
    const stored = (await this.run("readonly", (store) => store.getAll(range))) ?? [];
    const gap = stored.findIndex(({ first }, i) => i && stored[i - 1].first + stored[i - 1].pcm.length !== first);
    return stored.slice(0, gap < 0 ? undefined : gap).map(({ first, pcm }) => ({ first, pcm }));
  }

  async discardOld() {
    const isOld = ({ time }) => Date.now() - time > MAX_STORED_AGE_MS;
    const old = ((await this.run("readonly", (store) => store.getAll())) ?? []).filter(isOld);
    for (const { group, place, first } of old)
      await this.run("readwrite", (store) => store.delete([group, place, first]));
  }
}
