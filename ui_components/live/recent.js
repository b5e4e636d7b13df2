// "Recent sessions": those of the login, or those whose ids this browser has.

const DELETE_ASKED_MS = 5000;
const sessionTime = (started) => new Date(1000 * started).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

class RecentSessions {
  // `open(sessions)` shows the sessions of a group, by place.
  constructor(root, open) {
    Object.assign(this, { root, open });
    this.list = root.querySelector("ul");
    root.ontoggle = () => root.open && this.update();
  }

  async update() {
    if (!this.root.open) return;
    const known = knownGroups().flatMap((other) => other.sessions.filter(Boolean)).slice(0, MAX_GROUPS);
    try {
      const { sessions } = await postJson("qal/sessions/list", { sessions: known });
      this.show(sessions);
    } catch (error) { showProblem(error.message); }
  }

  show(sessions) {
    const groups = new Map();
    for (const summary of sessions) {
      const key = summary.group || summary.session;
      groups.set(key, [...(groups.get(key) ?? []), summary]);
    }
    const items = [...groups.values()].map((members) => this.item(members.sort((a, b) => a.place - b.place)));
    this.list.replaceChildren(...items);
    this.root.querySelector(".empty").hidden = items.length > 0;
  }

  item(members) {
    const [first] = members, item = document.createElement("li");
    const isShown = members.some(({ session }) => group.sessions.includes(session));
    const models = members.map(({ model, task }) => (task === "translate" ? `${model} (English)` : model)).filter(Boolean);
    const lines = `${first.lines} ${first.lines === 1 ? "line" : "lines"}`;
    const facts = [sessionTime(first.started), lines, clockTime(first.duration_s), models.join(", ")].filter(Boolean);
    const text = document.createElement("div");
    text.append(Object.assign(document.createElement("b"), { textContent: facts.join(" · ") }),
      Object.assign(document.createElement("span"), { textContent: first.preview, dir: "auto" }));
    item.append(text, this.openButton(members, isShown), this.deleteButton(members));
    item.classList.toggle("shown", isShown);
    return item;
  }

  openButton(members, isShown) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: isShown ? "Shown" : "Open" });
    button.disabled = isShown;
    button.onclick = () => this.open(members);
    return button;
  }

  // Deletes at the second click, because it cannot be undone.
  deleteButton(members) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Delete" });
    button.onclick = async () => {
      if (!button.classList.contains("sure")) {
        button.classList.add("sure");
        button.textContent = "Really delete?";
        setTimeout(() => { button.classList.remove("sure"); button.textContent = "Delete"; }, DELETE_ASKED_MS);
        return;
      }
      try {
        for (const { session } of members) {
          await postJson("qal/sessions/delete", { session });
          const isShown = group.sessions.includes(session);
          forgetSession(session);
          if (isShown) await clearPage();
        }
      } catch (error) { showProblem(error.message); }
      this.update();
    };
    return button;
  }
}
