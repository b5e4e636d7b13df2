// Draws a board of charts from its JSON value. Only charts with new data are drawn again, and a zoom is kept.
const board = element.querySelector(".qal-charts");
const isTouch = window.matchMedia("(pointer: coarse)").matches; // on a touch screen, dragging scrolls the page
const charts = new Map(); // by name
let isDrawing = false, needsDraw = false;

const loadPlotly = () => (window.qalPlotly ??= window.Plotly ? Promise.resolve(window.Plotly) : new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = new URL(board.dataset.plotly, location.href.split(/[?#]/)[0]);
  script.onload = () => resolve(window.Plotly);
  script.onerror = () => { delete window.qalPlotly; reject(new Error("the chart library could not be loaded")); };
  document.head.append(script);
}));

const plainText = (markup) => new DOMParser().parseFromString(markup ?? "", "text/html").body.textContent; // names are escaped for Plotly
const themeColour = (variable) => getComputedStyle(document.body).getPropertyValue(variable).trim();
const themedLayout = (layout, key) => ({ ...layout, uirevision: key, autosize: true, dragmode: isTouch ? false : "zoom",
  showlegend: false,
  font: { ...layout.font, color: themeColour("--body-text-color-subdued") },
  hoverlabel: { bgcolor: themeColour("--block-background-fill"), bordercolor: themeColour("--border-color-primary"),
    font: { color: themeColour("--body-text-color"), size: 12 } } });

const createChart = (name) => {
  const [figure, title, legend, plot] = ["figure", "figcaption", "div", "div"].map((tag) => document.createElement(tag));
  figure.dataset.chart = name;
  legend.className = "legend";
  legend.addEventListener("click", ({ target }) => toggleTrace(charts.get(name), target.closest("button")?.dataset.name));
  plot.className = "plot";
  plot.setAttribute("role", "img");
  figure.append(title, legend, plot);
  board.append(figure);
  new ResizeObserver(() => charts.get(name)?.drawnData && plot.clientWidth && window.Plotly.Plots.resize(plot)).observe(plot);
  // drawnData and legendEntries: JSON of what is on the screen; hidden: names of the traces that the user has hidden
  return { figure, title, legend, plot, drawnData: "", legendEntries: "", hidden: new Set() };
};

// Name and line of everything that is named; bars have a colour instead of a line.
const namedTraces = ({ data, layout }) => [...data, ...(layout.shapes ?? [])].filter(({ name }) => name)
  .map(({ name, line, marker }) => ({ name, line: line ?? { color: marker.color } }));

// The legend is HTML outside the plot, so that it can wrap and the plot keeps its size.
const updateLegend = (chart) => {
  const traces = namedTraces(chart), entries = JSON.stringify(traces.map(({ name, line }) => [name, line]));
  if (entries === chart.legendEntries) return;
  chart.legendEntries = entries;
  chart.legend.replaceChildren(...(traces.length < 2 ? [] : traces).map(({ name, line }) => {
    const button = document.createElement("button"), sample = document.createElement("i");
    const style = { dash: "dashed", dot: "dotted" }[line.dash] ?? "solid";
    Object.assign(button, { type: "button", title: "Show or hide" }).dataset.name = name;
    button.setAttribute("aria-pressed", !chart.hidden.has(name));
    sample.style.borderTop = `3px ${style} ${line.color}`;
    button.append(sample, plainText(name));
    return button;
  }));
};

const toggleTrace = (chart, name) => {
  if (!name) return;
  if (!chart.hidden.delete(name)) chart.hidden.add(name);
  for (const button of chart.legend.children) button.setAttribute("aria-pressed", !chart.hidden.has(button.dataset.name));
  chart.drawnData = "";
  draw();
};

const dataAndLayout = (chart) => {
  const withVisibility = (trace) => (chart.hidden.has(trace.name) ? { ...trace, visible: false } : trace);
  const shapes = (chart.layout.shapes ?? []).map(withVisibility);
  return [chart.data.map(withVisibility), { ...themedLayout(chart.layout, chart.key), shapes }];
};

const update = () => {
  const { key = "", charts: received = [] } = props.value ? JSON.parse(props.value) : {};
  for (const [name, { figure, plot, drawnData }] of charts)
    if (!received.some((chart) => chart.name === name)) {
      if (drawnData) window.Plotly.purge(plot);
      figure.remove();
      charts.delete(name);
    }
  for (const { name, title, figure } of received) {
    if (!charts.has(name)) charts.set(name, createChart(name));
    const chart = charts.get(name);
    Object.assign(chart, { key, data: figure.data, layout: figure.layout, newData: key + JSON.stringify(figure) });
    chart.title.textContent = title;
    updateLegend(chart);
    chart.plot.setAttribute("aria-label", title);
    chart.plot.style.height = `${figure.layout.height}px`;
  }
  const ordered = received.map(({ name }) => charts.get(name).figure);
  if (ordered.some((figure, i) => board.children[i] !== figure)) board.append(...ordered);
  draw();
};

// Draws the visible charts with new data. A call during a drawing repeats the loop.
const draw = async () => {
  needsDraw = true;
  if (isDrawing) return;
  isDrawing = true;
  try {
    while (needsDraw) {
      needsDraw = false;
      const outdated = [...charts.values()].filter(({ plot, newData, drawnData }) => newData !== drawnData && plot.clientWidth);
      const Plotly = outdated.length ? await loadPlotly() : null;
      for (const chart of outdated) {
        if (!chart.figure.isConnected) continue;
        chart.drawnData = chart.newData;
        await Plotly.react(chart.plot, ...dataAndLayout(chart), { displayModeBar: false, responsive: false });
      }
    }
  } catch (error) {
    board.dataset.problem = error.message;
  } finally {
    isDrawing = false;
  }
};

const redrawAll = () => { for (const chart of charts.values()) chart.drawnData = ""; draw(); };
new ResizeObserver(draw).observe(board); // the board becomes visible
new MutationObserver(redrawAll).observe(document.body, { attributes: true, attributeFilter: ["class"] }); // light and dark
watch("value", update);
update();
