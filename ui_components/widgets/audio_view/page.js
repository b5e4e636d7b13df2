// The page: what the server tells becomes what is seen and heard.

const root = element.querySelector(".qal-sound");
const view = new View(root);
const player = new Player(root, view);
const trim = new Trim(root, view, player, (start_s, end_s) => trigger("trimmed", { start_s, end_s }));
const press = (name, act) => { const button = root.querySelector(name); if (button) button.onclick = () => view.sound && act(); };

// A view that fills below what is seen, as on a phone, is brought there.
function bringHere() {
  const { top } = root.getBoundingClientRect(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (top > innerHeight - 160) root.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

function show(sound) {
  root.classList.toggle("is-empty", !sound);
  if (!sound) {
    view.sound = null;
    return player.stop();
  }
  for (const name of ["name", "about", "told"]) root.querySelector(`.${name}`).textContent = sound[name];
  root.querySelector(".figures").innerHTML = sound.figures;
  root.querySelector(".outline").setAttribute("aria-label", sound.spoken);
  view.show(sound);
  player.show(sound);
  trim.show();
  if (trim.isOn) bringHere();
}

press(".play", () => player.toggle());
press(".selection", () => player.play(trim.start, trim.isWhole ? null : trim.end));
press(".in", () => view.zoomTo(view.zoom * ZOOM_STEP));
press(".out", () => view.zoomTo(view.zoom / ZOOM_STEP));
press(".whole", () => view.zoomTo(1));
press(".everything", () => { trim.show(); trim.settle(); });
press(".cut", () => trigger("cut", { start_s: trim.start, end_s: trim.end }));
watch("value", () => show(props.value || null));
show(props.value || null);
