// Connects the view, the player and the trimming of one audio view with the value that the server sets.

const root = element.querySelector(".qal-sound");
const view = new View(root);
const player = new Player(root, view);
const trim = new Trim(root, view, player, (start_s, end_s) => trigger("trimmed", { start_s, end_s }));
const onClick = (selector, act) => {
  const button = root.querySelector(selector);
  if (button) button.onclick = () => view.clip && act();
};

// Scrolls to a view that was filled below the visible area, as on a phone.
function scrollIntoSight() {
  const { top } = root.getBoundingClientRect();
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (top > innerHeight - 160) root.scrollIntoView({ behavior: reducedMotion ? "auto" : "smooth", block: "start" });
}

// Another script of the page, such as the editor of a transcript, shows its words here and plays parts of the sound. It
// names the view by its label.
const label = root.getAttribute("aria-label");
const onPage = (name, act) => document.addEventListener(name, ({ detail }) => detail.view === label && root.isConnected && act(detail));
onPage("qal-words", ({ words }) => {
  const hadNoWords = !view.spoken.length;
  view.showWords(words);
  if (hadNoWords) view.zoomToWords();
});
onPage("qal-play", ({ start, end }) => {
  if (!view.clip) return document.dispatchEvent(new CustomEvent("qal-no-sound", { detail: { view: label } }));
  if (start === undefined) return player.toggle();
  view.scrollTo(start);
  player.play(Math.max(0, start), end ?? null);
});
player.onPosition = (time, isPlaying) => document.dispatchEvent(new CustomEvent("qal-position", { detail: { view: label, time, isPlaying } }));

function show(clip) {
  root.classList.toggle("is-empty", !clip);
  if (!clip) {
    view.clip = null;
    return player.stop();
  }
  for (const name of ["name", "format", "details"]) root.querySelector(`.${name}`).textContent = clip[name];
  root.querySelector(".figures").innerHTML = clip.figures;
  root.querySelector(".outline").setAttribute("aria-label", clip.aria_label);
  view.show(clip);
  view.zoomToWords();
  player.show(clip);
  trim.selectAll();
  if (trim.canTrim) scrollIntoSight();
}

onClick(".play", () => player.toggle());
onClick(".selection", () => player.play(trim.start, trim.isFullClip ? null : trim.end));
onClick(".in", () => view.zoomTo(view.zoom * ZOOM_STEP));
onClick(".out", () => view.zoomTo(view.zoom / ZOOM_STEP));
onClick(".fit", () => view.zoomTo(1));
onClick(".select-all", () => { trim.selectAll(); trim.commit(); });
onClick(".cut", () => trigger("cut", { start_s: trim.start, end_s: trim.end }));
watch("value", () => show(props.value || null));
show(props.value || null);
