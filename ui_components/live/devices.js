// The microphone and how the browser processes it: chosen on the page, remembered in the browser.

const INPUT_KEY = "qal-live-input";
const PROCESSING = ["echoCancellation", "noiseSuppression", "autoGainControl"]; // all are on, as browsers have it
const MISSING_DEVICE = ["OverconstrainedError", "NotFoundError"];

class InputChoice {
  // `onChange()` is called when another microphone or processing was chosen; `onNote(text)` says what was done instead.
  constructor(root, onChange, onNote) {
    this.root = root;
    this.select = root.querySelector(".device");
    this.onNote = onNote;
    this.choice = { deviceId: "", label: "", ...Object.fromEntries(PROCESSING.map((name) => [name, true])),
      ...loadValue("localStorage", INPUT_KEY, {}) };
    for (const name of PROCESSING) {
      const box = root.querySelector(`[name=${name}]`);
      box.checked = this.choice[name];
      box.onchange = () => { this.save({ [name]: box.checked }); onChange(); };
    }
    this.select.onchange = () => {
      const { value, selectedOptions } = this.select;
      this.save({ deviceId: value, label: value && selectedOptions[0].textContent });
      onChange();
    };
    navigator.mediaDevices?.addEventListener("devicechange", () => this.list());
    this.list();
  }

  save(changes) { storeValue("localStorage", INPUT_KEY, Object.assign(this.choice, changes)); }

  // Shows the microphones. Browsers name them only once the page may use one.
  async list() {
    const devices = await (navigator.mediaDevices?.enumerateDevices() ?? []);
    this.devices = devices.filter(({ kind, deviceId }) =>
      kind === "audioinput" && deviceId && !["default", "communications"].includes(deviceId));
    const { deviceId, label } = this.choice;
    const sameName = this.devices.find((device) => device.label && device.label === label);
    if (sameName && !this.devices.some((device) => device.deviceId === deviceId)) this.save({ deviceId: sameName.deviceId });
    const options = [new Option("Default microphone", "")];
    options.push(...this.devices.map((device, i) => new Option(device.label || `Microphone ${i + 1}`, device.deviceId)));
    if (!options.some((option) => option.value === this.choice.deviceId))
      options.push(new Option(`${label} (not connected)`, this.choice.deviceId));
    this.select.replaceChildren(...options);
    this.select.value = this.choice.deviceId;
  }

  // Opens the chosen microphone; the default one if it is not connected, which is said.
  async open() {
    const processing = Object.fromEntries(PROCESSING.map((name) => [name, this.choice[name]]));
    const open = (device) =>
      navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, ...processing, ...device } });
    const { deviceId, label } = this.choice;
    let stream;
    try {
      stream = await open(deviceId ? { deviceId: { exact: deviceId } } : {});
    } catch (error) {
      if (!deviceId || !MISSING_DEVICE.includes(error.name)) throw error;
      stream = await open({});
      this.onNote(`“${label}” is not connected. The default microphone is used.`);
    }
    await this.list(); // now with names
    return stream;
  }

  // Shows the name of the open microphone, "" if none is open.
  showName(name) {
    const node = this.root.querySelector(".device-name");
    node.textContent = name && ` · ${name}`;
    node.title = name;
  }
}
