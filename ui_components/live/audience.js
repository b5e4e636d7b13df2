// The link for the audience: created, shown and revoked here. The session ids of the panes prove whose link it is.

const STATUS_MS = 5000; // between two questions for the number of viewers
const OWNER_KEY = "qal-audience-session"; // of the tab, so that a reloaded page shows its link and can revoke it

class Audience {
  constructor(node, button) {
    this.node = node;
    this.button = button;
    this.sessions = new Map(); // pane -> the id of its last session
    this.owner = loadValue("sessionStorage", OWNER_KEY, null); // the session that has the link; null without a link
    this.link = "";
    this.queue = Promise.resolve(); // the requests, one after another
    button.onclick = () => {
      node.hidden = !node.hidden;
      button.setAttribute("aria-expanded", String(!node.hidden));
    };
    this.find(".create").onclick = () => this.change("on");
    this.find(".revoke").onclick = () => this.change("off");
    this.find(".copy-link").onclick = (event) => this.copy(event.target, this.link);
    this.find(".copy-overlay").onclick = (event) => this.copy(event.target, `${this.link}?overlay=1`);
    this.find(".link").onfocus = (event) => event.target.select();
    this.find(".enlarge").onclick = () => this.find("dialog").showModal();
    if (this.owner) this.change("status"); // the tab was reloaded
    setInterval(() => this.owner && !document.hidden && this.change("status"), STATUS_MS);
  }

  find(selector) { return this.node.querySelector(selector); }

  // The session of a pane has started, or continues. A link goes on with it; without one, it may have one already.
  follow(pane, session) {
    if (this.sessions.get(pane) === session) return;
    this.sessions.set(pane, session);
    this.change(this.owner ? "on" : "status");
  }

  // The sessions that viewers read: the first pane's, and the second one's while it is shown.
  sources() {
    const shown = [...this.sessions].filter(([pane]) => !pane.hidden);
    const inOrder = shown.sort(([a], [b]) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    return inOrder.map(([pane, session]) => ({ session, label: pane.querySelector("h3").textContent.slice(0, 100) }));
  }

  change(action) {
    this.queue = this.queue.then(() => this.request(action)).catch((error) => this.showError(error.message));
  }

  async request(action) {
    const sources = this.sources();
    const isChanged = this.owner && sources.length && JSON.stringify(sources) !== this.sent; // as when a column came
    const changed = action === "status" && isChanged;
    const panes = action === "on" || changed || !this.owner ? sources : [{ session: this.owner, label: "" }];
    if (action === "status" && !panes.length) return;
    const message = { do: changed ? "on" : action, panes, previous: this.owner, page: pageAddress() };
    const answer = await postJson("qal/live/audience", message).catch((error) => {
      if (action !== "status") throw error; // "status" is asked again soon
    });
    if (!answer) return;
    if (action === "on" || changed) this.sent = JSON.stringify(sources);
    this.show(answer);
  }

  show({ on, session, link, is_local, qr, viewers }) {
    this.owner = on ? session : null;
    storeValue("sessionStorage", OWNER_KEY, this.owner);
    this.link = link;
    this.find(".off").hidden = on;
    this.find(".on").hidden = !on;
    this.showError("");
    this.button.textContent = on ? `Audience link · ${viewers}` : "Audience link";
    this.button.classList.toggle("is-on", on);
    if (!on) return this.find("dialog").close();
    const count = `${viewers} viewer${viewers === 1 ? "" : "s"}`;
    if (this.find(".viewers").textContent !== count) this.find(".viewers").textContent = count;
    for (const image of this.node.querySelectorAll(".qr")) if (image.src !== qr) image.src = qr;
    this.find(".link").value = this.find(".address").textContent = link;
    this.find(".open-link").href = link;
    this.find(".local").hidden = !is_local;
  }

  showError(text) {
    this.find(".error").textContent = text;
    this.find(".error").hidden = !text;
  }

  async copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.find(".link").value = text;
      this.find(".link").focus();
      return this.showError("The browser blocked copying. Copy the selected link with the keyboard.");
    }
    const label = button.textContent;
    button.textContent = BADGES.copied;
    button.disabled = true;
    setTimeout(() => { button.textContent = label; button.disabled = false; }, COPIED_MS);
  }
}

const audience = new Audience(element.querySelector(".qal-audience"), element.querySelector("button.audience"));
