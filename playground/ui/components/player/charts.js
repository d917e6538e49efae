// Charts below a film: curves, histograms and scatter plots, with markers that move with the frame.

import { context2d, createElement, query } from "../../assets/dom.js";
import { niceStride, powerOfTen, roundedRange, signed, ticks } from "./chart_scales.js";
import { bytes, describeNumber, formatNumber, numberOf, panelValues, valueAt, valuesAlong } from "./film.js";

/** @typedef {import("./film.js").Film} Film */
/** @typedef {import("./view.js").PlayerView} PlayerView */
/** @typedef {import("./chart_scales.js").Range} Range */
/** @typedef {() => void} Redraw brings a chart to the present frame */

const MARGIN = { left: 34, right: 10, top: 6, bottom: 20 };

/**
 * Build the charts of the film on show.
 * @param {PlayerView} view
 * @returns {Redraw[]}
 */
export function buildCharts(view) {
  const { film } = view;
  if (!film) return [];
  const box = query(view.root, ".charts");
  const boxes = film.charts.map((chart) => {
    const part = createElement("div", "chart");
    part.append(createElement("div", "chart-title", chart.title));
    return part;
  });
  box.replaceChildren(...boxes);
  const height = chartHeight(view, box, film.charts.length);
  return film.charts.map((chart, k) => {
    const plot = newPlot(boxes[k], height);
    if ("bars" in chart) return buildHistogram(view, film, chart, plot);
    if ("scatter" in chart) return buildScatter(view, film, chart, plot);
    return buildCurves(view, film, chart, plot);
  });
}

/**
 * The height of a chart, from what the screen has left below or beside the film. Sets how many stand side by side.
 * @param {PlayerView} view
 * @param {HTMLElement} box of all charts
 * @param {number} count
 */
function chartHeight({ root }, box, count) {
  const [title, legend, least] = document.body.classList.contains("presenting") ? [24, 58, 72] : [20, 34, 96]; // as large as their type is
  const isBeside = root.classList.contains("beside");
  const most = Math.max(96, innerHeight / 4.2);
  const fitting = Math.max(1, Math.floor((box.clientWidth + 20) / 176));
  const across = isBeside ? 1 : Math.ceil(count / Math.ceil(count / fitting)); // as even as can be
  const from = (isBeside ? box : query(root, ".readout")).getBoundingClientRect().top + scrollY;
  const room = (innerHeight - from - 10) / Math.ceil(count / across) - title - legend;
  box.style.setProperty("--across", String(across));
  return Math.round(Math.max(least, Math.min(most, room)));
}

/**
 * Append an SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {Element} parent
 */
function svg(tag, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(node, attributes);
  return /** @type {SVGElement} */ (parent.appendChild(node));
}

function setAttributes(/** @type {Element} */ node, /** @type {Record<string, string | number>} */ attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}

/**
 * The drawing area of a chart.
 * @typedef {object} Plot
 * @property {HTMLElement} box
 * @property {SVGElement} root
 * @property {number} width of the drawing, margins included
 * @property {number} height
 * @property {number} innerWidth
 * @property {number} innerHeight
 * @property {HTMLElement} legend
 */

/**
 * @param {HTMLElement} box
 * @param {number} height
 * @returns {Plot}
 */
function newPlot(box, height) {
  const width = Math.max(box.clientWidth, 120);
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, box);
  const legend = createElement("div", "chart-legend");
  const [innerWidth, innerHeight] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
  return { box, root, width, height, innerWidth, innerHeight, legend };
}

/**
 * @param {Plot} plot
 * @param {{ name: string, role: string }} series
 * @param {string} style
 */
function addLegend({ legend }, series, style) {
  const entry = createElement("span", series.role);
  svg("line", { class: style, x1: 0, x2: 26, y1: 4, y2: 4 }, svg("svg", { width: 26, height: 8 }, entry));
  entry.append(createElement("span", "", series.name));
  legend.append(entry);
}

/**
 * Number a chart's horizontal axis.
 * @param {Plot} plot
 * @param {Range} range
 * @returns the scale: the x of a value
 */
function buildAxisX({ root, width, height, innerWidth }, [first, last]) {
  const x = (/** @type {number} */ value) => MARGIN.left + ((value - first) / (last - first)) * innerWidth;
  for (const value of ticks(first, last, niceStride(first, last, width / 90))) {
    svg("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, root).textContent = signed(value);
  }
  return x;
}

/**
 * Rule lines across a chart and number them.
 * @param {Plot} plot
 * @param {Range} range
 * @param {number} stride
 * @param {(value: number) => string} format
 * @returns the scale: the y of a value
 */
function buildAxisY({ root, width, innerHeight }, [low, high], stride, format) {
  const y = (/** @type {number} */ value) => MARGIN.top + ((high - value) / (high - low)) * innerHeight;
  for (const value of ticks(low, high, stride)) {
    svg("line", { class: "gridline", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }, root);
    svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, root).textContent = format(value);
  }
  return y;
}

/**
 * A histogram and a curve over it.
 * @param {PlayerView} view
 * @param {Film} film
 * @param {import("./film.js").Histogram} chart
 * @param {Plot} plot
 * @returns {Redraw}
 */
function buildHistogram(view, film, chart, plot) {
  const { box, root, width, innerWidth, innerHeight } = plot;
  const [bars, curve] = chart.bars.map((series) => ({ ...series, shares: bytes(series.bytes) }));
  const bin = innerWidth / chart.bins;
  const floor = MARGIN.top + innerHeight;
  const sharesNow = (/** @type {{ shares: Uint8Array }} */ { shares }) =>
    shares.subarray(shares.length > chart.bins ? view.frame * chart.bins : 0).subarray(0, chart.bins);
  buildAxisX(plot, chart.range);
  svg("line", { class: "gridline", x1: MARGIN.left, x2: width - MARGIN.right, y1: floor, y2: floor }, root);
  const area = svg("path", { class: `bars ${bars.role}` }, root);
  const line = svg("path", { class: `curve ${curve.role}` }, root);
  addLegend(plot, bars, `bars ${bars.role}`);
  addLegend(plot, curve, `curve ${curve.role}`);
  box.append(plot.legend);
  const stairs = (/** @type {Uint8Array} */ shares) =>
    Array.from(shares, (share, k) => {
      const top = floor - (share * innerHeight) / 255;
      return `L${(MARGIN.left + k * bin).toFixed(1)},${top.toFixed(1)}h${bin.toFixed(2)}`;
    }).join("");
  return () => {
    area.setAttribute("d", `M${MARGIN.left},${floor}${stairs(sharesNow(bars))}V${floor}Z`);
    line.setAttribute("d", `M${stairs(sharesNow(curve)).slice(1)}`);
    root.setAttribute("aria-label", `${chart.title}, at ${film.labels[view.frame]}`);
  };
}

let clips = 0;

/**
 * Curves and bands, a marker at the present frame, and dots on the curves there.
 * @param {PlayerView} view
 * @param {Film} film
 * @param {import("./film.js").LineChart} chart
 * @param {Plot} plot
 * @returns {Redraw}
 */
function buildCurves(view, film, chart, plot) {
  const { box, root, height, innerWidth, innerHeight } = plot;
  const values = chart.series.flatMap(({ y, low = [], high = [] }) => y ?? [...low, ...high]);
  const least = chart.log ? Math.min(...values) : Math.min(0, ...values);
  const most = chart.log ? Math.max(...values) : Math.max(1, ...values);
  const [sides, stride] = roundedRange(chart.range_y ?? [least, most], chart.log ? 1 : 0);
  const y = buildAxisY(plot, sides, stride, chart.log ? powerOfTen : signed);
  const x = buildAxisX(plot, chart.range);
  const clip = `clip-${++clips}`;
  const inside = { x: MARGIN.left, y: MARGIN.top - 2, width: innerWidth, height: innerHeight + 4 };
  svg("rect", inside, svg("clipPath", { id: clip }, root));
  const curves = svg("g", { "clip-path": `url(#${clip})` }, root);
  const points = (/** @type {number[]} */ xs, /** @type {number[]} */ ys) =>
    xs
      .map((value, j) => [value, ys[j]])
      .filter((point) => point.every(Number.isFinite))
      .map(([across, up]) => `${x(across).toFixed(1)},${y(up).toFixed(1)}`)
      .join(" ");
  /** @type {Redraw[]} */
  const growing = [];
  // The strong curves last, so that they lie on top.
  const inOrder = [...chart.series].sort(
    (one, other) => Number(other.style === "faint") - Number(one.style === "faint"),
  );
  inOrder.forEach((series, k) => {
    const { x: xs = [], y: ys = [], low, high, of: keys } = series;
    if (low && high) {
      // From the lower side to the right and back along the upper one.
      const around = points([...xs, ...[...xs].reverse()], [...low, ...[...high].reverse()]);
      svg("polygon", { class: `band ${series.role}`, points: around }, curves);
      addLegend(plot, series, `bars ${series.role}`);
      return;
    }
    const style = `curve ${series.role} ${series.style === "faint" ? `faint dash-${k % 6}` : series.style}`;
    const line = svg("polyline", { class: style }, curves);
    if (keys) {
      const along = (/** @type {string} */ key) => valuesAlong(film, numberOf(film, key), view);
      growing.push(() => line.setAttribute("points", points(along(keys[0]), along(keys[1]))));
    } else line.setAttribute("points", points(xs, ys));
    if (series.name) addLegend(plot, series, style);
  });
  box.append(plot.legend);
  const marker = svg("line", { class: "marker", y1: MARGIN.top, y2: height - MARGIN.bottom }, root);
  const dots = chart.series
    .filter((series) => series.dot)
    .map((series) => ({
      number: numberOf(film, series.dot),
      dot: svg("circle", { class: `dot ${series.role}`, r: 5 }, root),
    }));
  const across = numberOf(film, chart.across);
  return () => {
    growing.forEach((redraw) => redraw());
    const now = valueAt(film, across, view);
    const isThere = !Number.isNaN(now);
    marker.setAttribute("visibility", isThere ? "visible" : "hidden");
    if (isThere) setAttributes(marker, { x1: x(now), x2: x(now) });
    for (const { number, dot } of dots) {
      const value = chart.log ? Math.log10(valueAt(film, number, view)) : valueAt(film, number, view);
      const isOnScale = isThere && value >= sides[0] && value <= sides[1];
      dot.setAttribute("visibility", isOnScale ? "visible" : "hidden");
      if (isOnScale) setAttributes(dot, { cx: x(now), cy: y(value) });
    }
    const described = dots.map(({ number }) => describeNumber(film, number, view)).join(", ");
    root.setAttribute("aria-label", `${chart.title}: ${described} at ${film.labels[view.frame]}`);
  };
}

/**
 * The pixels of one panel over those of another, one dot each.
 * @param {PlayerView} view
 * @param {Film} film
 * @param {import("./film.js").ScatterChart} chart
 * @param {Plot} plot
 * @returns {Redraw}
 */
function buildScatter(view, film, chart, plot) {
  const { box, root, innerWidth, innerHeight, legend } = plot;
  const [rangeX, rangeY] = chart.ranges;
  const [p, q] = chart.scatter;
  const y = buildAxisY(plot, rangeY, 2, signed);
  const x = buildAxisX(plot, rangeX);
  const sharpness = window.devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: innerWidth * sharpness, height: innerHeight * sharpness });
  canvas.style.cssText = `left: ${MARGIN.left}px; top: ${MARGIN.top}px; width: ${innerWidth}px; height: ${innerHeight}px`;
  canvas.setAttribute("aria-hidden", "true");
  const frameBox = createElement("div", "scatter");
  root.replaceWith(frameBox);
  frameBox.append(root, canvas);
  const number = numberOf(film, chart.note);
  const shown = createElement("span");
  const entry = createElement("span");
  entry.append(createElement("span", "", `${number.symbol} =`), shown);
  legend.append(entry);
  box.append(legend);
  const context = context2d(canvas);
  return () => {
    const [across, up] = [panelValues(film, p, view.frame), panelValues(film, q, view.frame)];
    context.setTransform(sharpness, 0, 0, sharpness, -MARGIN.left * sharpness, -MARGIN.top * sharpness);
    context.clearRect(MARGIN.left, MARGIN.top, innerWidth, innerHeight);
    context.fillStyle = getComputedStyle(view.root).getPropertyValue(`--${film.panels[q].role}`);
    context.globalAlpha = Math.min(0.8, (600 * chart.every) / across.length);
    for (let j = 0; j < across.length; j += chart.every) context.fillRect(x(across[j]) - 1, y(up[j]) - 1, 2, 2);
    shown.textContent = formatNumber(film, number, view);
    root.setAttribute(
      "aria-label",
      `${chart.title}: ${describeNumber(film, number, view)} at ${film.labels[view.frame]}`,
    );
  };
}
