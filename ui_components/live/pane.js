// A pane: the captions of one model and their connection. The first pane is always shown, the second one only for a
// comparison.

class Pane {
  constructor(node, place) {
    this.node = node;
    this.place = place; // in the group of sessions
    this.captions = new CaptionList(node.querySelector(".qal-captions"));
    this.connection = null;
    this.busyNote = null; // the text of a refusal after which the connection was tried again
    this.discardedUntil = 0; // sample; packets before it are no longer stored in the browser
  }

  get isFirst() { return !this.place; }
  get isTranslation() { return !this.isFirst && currentSettings().compare === TRANSLATION; }
  get settings() {
    const { compare, ...settings } = currentSettings();
    if (this.isTranslation) return completeSettings({ ...settings, task: "translate" });
    return completeSettings(this.isFirst ? settings : { ...settings, model: compare });
  }
  get heading() {
    const { model } = this.settings;
    if (this.isTranslation) return `${TRANSLATION_NAME} · ${modelName("model", model)}`;
    return model ? modelName(this.isFirst ? "model" : "compare", model) : "";
  }

  // Applies the current settings: opens, changes or finishes the connection while audio is captured.
  applySettings() {
    const { model } = this.settings;
    if (model) this.node.querySelector("h3").textContent = this.heading;
    this.node.hidden = !model && !this.isFirst && !this.captions.lines.size;
    if (this.connection && !model) this.connection.finish();
    else if (this.connection) this.connection.change(this.settings);
    else if (audio && model) this.connect();
  }

  // Shows a recorded session.
  showSession({ session, model, task, captions }) {
    const hasAudio = (caption) => caption.has_audio && Boolean(caption.language);
    for (const caption of captions) this.captions.show(caption, session, hasAudio(caption));
    this.node.querySelector("h3").textContent = task === "translate" ? `${TRANSLATION_NAME} · ${model}` : model;
    this.node.hidden = false;
  }

  // Starts the session of this place, or continues it; what the page of before has not delivered is sent first.
  connect() {
    const { place } = this, { name, sessions } = group;
    const kept = keptPackets[place] ?? [];
    keptPackets[place] = null;
    const isCurrent = () => group.name === name;
    const nextSample = kept.length ? kept.at(-1).first + kept.at(-1).pcm.length : capturedSamples;
    const { lastIndex } = this.captions;
    const resumed = { session: sessions[place] ?? null, group: name, place, kept, nextSample, lastIndex };
    const disconnected = (callback) => (text) => {
      if (this.connection !== connection) return;
      this.connection = null;
      callback(text);
    };
    const connection = (this.connection = new Connection(this.settings, {
      opened: ({ session, next }) => {
        alignPackets(connection, nextSample, next);
        if (!isCurrent()) return;
        packets.discard(name, place);
        for (const packet of connection.kept) packets.add(name, place, packet); // with their new numbers
        capturedSamples = Math.max(capturedSamples, connection.nextSample);
        sessions[place] = session;
        saveGroup();
      },
      update: (message) => isCurrent() && this.update(message, connection),
      waiting: (hasBeenOpen) => showBadge(hasBeenOpen ? BADGES.reconnecting : BADGES.loading),
      busy: (text) => { this.busyNote = text; showProblem(text); },
      problem: showProblem,
      failed: disconnected((text) => {
        // For the next Start. The second pane alone would lag behind the audio that is captured meanwhile.
        if (connection.session && (this.isFirst || !connection.hasBeenOpen)) keptPackets[place] = connection.kept;
        showProblem(text);
        if (this.isFirst) stop();
        else showStoppedIfDone();
      }),
      usesEvents: () => { find(".qal-transport").hidden = false; },
      finished: () => {
        packets.discard(name, place);
        disconnected(showStoppedIfDone)();
      },
    }, resumed));
  }

  sendAudio(pcm) {
    const { connection } = this;
    if (!connection || connection.finishing) return;
    if (connection.nextSample - connection.ack < MAX_STORED_S * RATE)
      packets.add(group.name, this.place, { first: connection.nextSample, pcm });
    connection.sendAudio(pcm);
  }

  // Deletes the acknowledged packets from the browser's storage, about once a second.
  discardStored(connection) {
    if (connection.ack - this.discardedUntil < RATE) return;
    this.discardedUntil = connection.ack;
    packets.discard(group.name, this.place, connection.ack);
  }

  update(message, connection) {
    if (message.type === "ready") {
      audience.follow(this.node, message.session);
      if (find(".qal-problem").textContent === this.busyNote) showProblem("");
    }
    const hasAudio = (caption) => connection.savesAudio && Boolean(caption.language);
    for (const caption of message.captions ?? []) this.captions.show(caption, connection.session, hasAudio(caption));
    this.discardStored(connection);
    if (message.captions?.length) this.captions.search(find(".search").value);
    if (!this.isFirst) return;
    const detected = message.captions?.findLast((caption) => caption.final && caption.language)?.language;
    if (currentSettings().language) languageSuffix = "";
    else if (detected) languageSuffix = ` · ${languageName(detected)}`;
    if (message.type === "ready") showBadge(BADGES.listening + languageSuffix);
    if (message.level && audio) {
      const isSpeech = message.level.gate_open;
      showLevel(message.level);
      showBadge((isSpeech ? BADGES.speech : BADGES.listening) + languageSuffix, isSpeech ? "on" : "");
    }
  }
}
