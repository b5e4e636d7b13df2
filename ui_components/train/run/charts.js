// A board of charts. What is there is drawn anew only where its points changed; a zoom stays, nothing flickers.
const board = element.querySelector(".qal-charts");
const touch = window.matchMedia("(pointer: coarse)").matches; // a finger that drags means to scroll
const places = new Map(); // name of a chart -> its place
let busy = false, again = false;

const plotly = () => (window.qalPlotly ??= window.Plotly ? Promise.resolve(window.Plotly) : new Promise((done, failed) => {
  const script = document.createElement("script");
  script.src = new URL(board.dataset.plotly, location.href.split(/[?#]/)[0]);
  script.onload = () => done(window.Plotly);
  script.onerror = () => { delete window.qalPlotly; failed(new Error("the charts' code could not be loaded")); };
  document.head.append(script);
}));

const plain = (name) => new DOMParser().parseFromString(name ?? "", "text/html").body.textContent; // Plotly reads markup
const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
const dressed = (layout, key) => ({ ...layout, uirevision: key, autosize: true, dragmode: touch ? false : "zoom",
  showlegend: false,
  font: { ...layout.font, color: colour("--body-text-color-subdued") },
  hoverlabel: { bgcolor: colour("--block-background-fill"), bordercolor: colour("--border-color-primary"),
    font: { color: colour("--body-text-color"), size: 12 } } });

const place = (name) => {
  const [figure, title, legend, plot] = ["figure", "figcaption", "div", "div"].map((tag) => document.createElement(tag));
  figure.dataset.chart = name;
  legend.className = "legend";
  legend.addEventListener("click", ({ target }) => toggle(places.get(name), target.closest("button")?.dataset.name));
  plot.className = "plot";
  plot.setAttribute("role", "img");
  figure.append(title, legend, plot);
  board.append(figure);
  new ResizeObserver(() => places.get(name)?.drawn && plot.clientWidth && window.Plotly.Plots.resize(plot)).observe(plot);
  return { figure, title, legend, plot, drawn: "", named: "", off: new Set() };
};

const named = ({ data, layout }) => [...data, ...(layout.shapes ?? [])].filter(({ name }) => name);
const tell = (to) => {
  // The legend: in HTML, so that it wraps and takes nothing from the plot.
  const all = named(to), names = JSON.stringify(all.map(({ name, line }) => [name, line]));
  if (names === to.named) return;
  to.named = names;
  to.legend.replaceChildren(...(all.length < 2 ? [] : all).map(({ name, line }) => {
    const key = document.createElement("button"), mark = document.createElement("i");
    const style = { dash: "dashed", dot: "dotted" }[line.dash] ?? "solid";
    Object.assign(key, { type: "button", title: "Show or hide" }).dataset.name = name;
    key.setAttribute("aria-pressed", !to.off.has(name));
    mark.style.borderTop = `3px ${style} ${line.color}`;
    key.append(mark, plain(name));
    return key;
  }));
};
const toggle = (to, name) => {
  if (!name) return;
  if (!to.off.delete(name)) to.off.add(name);
  for (const key of to.legend.children) key.setAttribute("aria-pressed", !to.off.has(key.dataset.name));
  to.drawn = "";
  draw();
};
const shown = (to) => {
  const visible = (one) => (to.off.has(one.name) ? { ...one, visible: false } : one);
  return [to.data.map(visible), { ...dressed(to.layout, to.key), shapes: (to.layout.shapes ?? []).map(visible) }];
};

const take = () => {
  const { key = "", charts = [] } = props.value ? JSON.parse(props.value) : {};
  for (const [name, { figure, plot, drawn }] of places)
    if (!charts.some((chart) => chart.name === name)) {
      if (drawn) window.Plotly.purge(plot);
      figure.remove();
      places.delete(name);
    }
  for (const { name, title, figure } of charts) {
    if (!places.has(name)) places.set(name, place(name));
    const to = places.get(name);
    Object.assign(to, { key, data: figure.data, layout: figure.layout, points: key + JSON.stringify(figure) });
    to.title.textContent = title;
    tell(to);
    to.plot.setAttribute("aria-label", title);
    to.plot.style.height = `${figure.layout.height}px`;
  }
  const order = charts.map(({ name }) => places.get(name).figure);
  if (order.some((figure, i) => board.children[i] !== figure)) board.append(...order);
  draw();
};

const draw = async () => {
  again = true;
  if (busy) return;
  busy = true;
  try {
    while (again) {
      again = false;
      const due = [...places.values()].filter(({ plot, points, drawn }) => points !== drawn && plot.clientWidth);
      const Plotly = due.length ? await plotly() : null;
      for (const to of due) {
        if (!to.figure.isConnected) continue;
        to.drawn = to.points;
        await Plotly.react(to.plot, ...shown(to), { displayModeBar: false, responsive: false });
      }
    }
  } catch (error) {
    board.dataset.problem = error.message;
  } finally {
    busy = false;
  }
};

const redraw = () => { for (const to of places.values()) to.drawn = ""; draw(); };
new ResizeObserver(draw).observe(board); // seen for the first time
new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["class"] }); // light, dark
watch("value", take);
take();
