// The charts below a film: curves, histograms and scatter plots, whose markers move with it. Part of the player; see
// player.js.

function buildCharts() {
  if (!film) return;
  const box = query(".charts");
  const boxes = film.charts.map((chart) => {
    const view = createElement("div", "chart");
    view.append(createElement("div", "chart-title", chart.title));
    return view;
  });
  box.replaceChildren(...boxes);
  measureCharts(box);
  const build = (chart) => (chart.bars ? buildBars : chart.scatter ? buildScatter : buildCurves);
  charts = film.charts.map((chart, k) => build(chart)(chart, boxes[k]));
}

const left = 34, right = 10, top = 6, bottom = 20; // margins of a chart
let height = 170;                                 // and its height

/** Charts take what the screen has left below or beside the film. */
function measureCharts(box) {
  const count = film.charts.length, most = Math.max(96, innerHeight / 4.2), presenting = document.body.classList.contains("presenting");
  const [title, key, least] = presenting ? [24, 58, 72] : [20, 34, 96]; // as large as their type is
  const fit = Math.max(1, Math.floor((box.clientWidth + 20) / 176)), rows = Math.ceil(count / fit);
  const across = player.classList.contains("beside") ? 1 : Math.ceil(count / rows); // as even as can be
  const from = player.classList.contains("beside") ? box.getBoundingClientRect().top + scrollY : query(".readout").getBoundingClientRect().top + scrollY;
  const room = (innerHeight - from - 10) / Math.ceil(count / across) - title - key;
  height = Math.round(Math.max(least, Math.min(most, room)));
  box.style.setProperty("--across", across);
}

function svg(tag, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  return parent.appendChild(node);
}

function svgRoot(box) {
  const width = Math.max(box.clientWidth, 120);
  return [svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, box), width];
}

function stride(from, to, about) {
  const raw = (to - from) / about, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
}

function ticks(from, to, step) {
  const count = Math.floor(to / step + 1e-9) - Math.ceil(from / step - 1e-9) + 1;
  return Array.from({ length: count }, (_, k) => +((Math.ceil(from / step - 1e-9) + k) * step).toPrecision(6));
}

function keyEntry(key, series, style) {
  const entry = createElement("span", series.role);
  const line = svg("svg", { width: 26, height: 8 }, entry);
  svg("line", { class: style, x1: 0, x2: 26, y1: 4, y2: 4 }, line);
  entry.append(createElement("span", "", series.name));
  key.append(entry);
}

/** A histogram and a curve over it; return the function that brings both to the present frame. */
function buildBars(chart, box) {
  const [root, width] = svgRoot(box), [first, last] = chart.range;
  const [bars, curve] = chart.bars.map((series) => ({ ...series, data: bytes(series.bytes) }));
  const bin = (width - left - right) / chart.bins, rise = (height - top - bottom) / 255;
  const row = ({ data }) => data.subarray(data.length > chart.bins ? frame * chart.bins : 0).subarray(0, chart.bins);
  for (const value of ticks(first, last, stride(first, last, width / 90))) {
    const x = left + (value - first) / (last - first) * (width - left - right);
    svg("text", { x, y: height - 6, "text-anchor": "middle" }, root).textContent = `${value}`.replace("-", "−");
  }
  svg("line", { class: "gridline", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }, root);
  const area = svg("path", { class: `bars ${bars.role}` }, root), line = svg("path", { class: `curve ${curve.role}` }, root);
  const key = createElement("div", "chart-legend");
  keyEntry(key, bars, `bars ${bars.role}`);
  keyEntry(key, curve, `curve ${curve.role}`);
  box.append(key);
  const steps = (values) => Array.from(values, (value, k) =>
    `L${(left + k * bin).toFixed(1)},${(height - bottom - value * rise).toFixed(1)}h${bin.toFixed(2)}`).join("");
  return () => {
    area.setAttribute("d", `M${left},${height - bottom}${steps(row(bars))}V${height - bottom}Z`);
    line.setAttribute("d", "M" + steps(row(curve)).slice(1));
    root.setAttribute("aria-label", `${chart.title}, at ${film.labels[frame]}`);
  };
}

/** Ruled lines and numbers along both sides of a chart; return its scales. */
function buildAxes(root, width, [first, last], [low, high], rise, log) {
  const x = (value) => left + (value - first) / (last - first) * (width - left - right);
  const y = (value) => top + (high - value) / (high - low) * (height - top - bottom);
  for (const value of ticks(low, high, rise)) {
    svg("line", { class: "gridline", x1: left, x2: width - right, y1: y(value), y2: y(value) }, root);
    const mark = svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, root);
    mark.textContent = log ? power(value) : `${value}`.replace("-", "−");
  }
  for (const value of ticks(first, last, stride(first, last, width / 90))) {
    svg("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, root).textContent = `${value}`.replace("-", "−");
  }
  return [x, y];
}

const power = (exponent) => "10" + `${exponent}`.replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);

/** What the sides of a chart show: from whole stride to whole stride. */
function rounded([from, to], least) {
  const rise = Math.max(stride(from, to, 4), least);
  return [[Math.floor(from / rise + 1e-9) * rise, Math.ceil(to / rise - 1e-9) * rise], rise];
}

let clips = 0;

/** The values of a number that a curve is drawn through: those of all frames, or of all places of the present one. */
function valuesAlong({ values, over }) {
  const places = film.places?.labels.length;
  return over === "both" ? values.slice(frame * places, (frame + 1) * places) : values;
}

/** Draw the curves; return the function that moves the marker and the dots to the present frame, and what has changed. */
function buildCurves(chart, box) {
  const [root, width] = svgRoot(box), values = chart.series.flatMap(({ y, low, high }) => y ?? (low ? [...low, ...high] : []));
  const span = chart.range_y ?? (chart.log ? [Math.min(...values), Math.max(...values)] : [Math.min(0, ...values), Math.max(1, ...values)]);
  const [sides, rise] = rounded(span, chart.log ? 1 : 0);
  const [x, y] = buildAxes(root, width, chart.range, sides, rise, chart.log);
  const clip = `${element.closest("[id]")?.id}-clip-${++clips}`;
  svg("rect", { x: left, y: top - 2, width: width - left - right, height: height - top - bottom + 4 }, svg("clipPath", { id: clip }, root));
  const curves = svg("g", { "clip-path": `url(#${clip})` }, root), key = createElement("div", "chart-legend");
  // The strong curves last, so that they lie on top.
  const line = (xs, ys) => Array.from(xs, (value, j) => [value, ys[j]]).filter((point) => point.every(Number.isFinite))
    .map(([across, up]) => `${x(across).toFixed(1)},${y(up).toFixed(1)}`).join(" ");
  const growing = [];
  [...chart.series].sort((a, b) => (b.style === "faint") - (a.style === "faint")).forEach((series, k) => {
    if (series.low) { // an area, from its lower side to the right and back along its upper one
      const back = (values) => [...values].reverse(), sides = [...series.low, ...back(series.high)];
      svg("polygon", { class: `band ${series.role}`, points: line([...series.x, ...back(series.x)], sides) }, curves);
      keyEntry(key, series, `bars ${series.role}`);
      return;
    }
    const style = `curve ${series.role} ${series.style === "faint" ? `faint dash-${k % 6}` : series.style}`;
    const drawnLine = svg("polyline", { class: style }, curves);
    if (series.of) growing.push(() => drawnLine.setAttribute("points", line(...series.of.map((key) => valuesAlong(number(key))))));
    else drawnLine.setAttribute("points", line(series.x, series.y));
    if (series.name) keyEntry(key, series, style);
  });
  box.append(key);
  const rule = svg("line", { class: "marker", y1: top, y2: height - bottom }, root);
  const dots = chart.series.filter((series) => series.dot).map((series) =>
    [number(series.dot), svg("circle", { class: `dot ${series.role}`, r: 5 }, root)]);
  const across = number(chart.across), [low, high] = sides;
  return () => {
    growing.forEach((redraw) => redraw());
    const now = valueOf(across), mark = x(now);
    rule.setAttribute("visibility", Number.isNaN(now) ? "hidden" : "visible");
    if (!Number.isNaN(now)) ["x1", "x2"].forEach((end) => rule.setAttribute(end, mark));
    for (const [each, dot] of dots) {
      const value = chart.log ? Math.log10(valueOf(each)) : valueOf(each), there = !Number.isNaN(now) && value >= low && value <= high;
      dot.setAttribute("visibility", there ? "visible" : "hidden"); // off the scale it has no place
      if (!there) continue;
      dot.setAttribute("cx", mark);
      dot.setAttribute("cy", y(value));
    }
    root.setAttribute("aria-label", `${chart.title}: ${dots.map(([each]) => describeNumber(each)).join(", ")} at ${film.labels[frame]}`);
  };
}

/** The pixels of one panel over those of another, a dot each; return the function that draws the present frame. */
function buildScatter(chart, box) {
  const [root, width] = svgRoot(box), [across, up] = chart.ranges;
  const [x, y] = buildAxes(root, width, across, up, 2, false), [p, q] = chart.scatter;
  const inside = [width - left - right, height - top - bottom], sharp = window.devicePixelRatio || 1;
  const cloud = Object.assign(document.createElement("canvas"), { width: inside[0] * sharp, height: inside[1] * sharp });
  cloud.style.cssText = `left: ${left}px; top: ${top}px; width: ${inside[0]}px; height: ${inside[1]}px`;
  cloud.setAttribute("aria-hidden", "true");
  const frameBox = createElement("div", "scatter"), key = createElement("div", "chart-legend"), said = createElement("span", "");
  root.replaceWith(frameBox);
  frameBox.append(root, cloud);
  const noted = key.appendChild(createElement("span", ""));
  noted.append(createElement("span", "", `${number(chart.note).symbol} =`), said);
  box.append(key);
  const context = cloud.getContext("2d"), role = film.panels[q].role;
  return () => {
    const [one, other] = [panelValues(p, frame), panelValues(q, frame)];
    context.setTransform(sharp, 0, 0, sharp, -left * sharp, -top * sharp);
    context.clearRect(left, top, ...inside);
    context.fillStyle = getComputedStyle(player).getPropertyValue(`--${role}`);
    context.globalAlpha = Math.min(.8, 600 * chart.every / one.length);
    for (let j = 0; j < one.length; j += chart.every) context.fillRect(x(one[j]) - 1, y(other[j]) - 1, 2, 2);
    said.textContent = formatNumber(number(chart.note));
    root.setAttribute("aria-label", `${chart.title}: ${describeNumber(number(chart.note))} at ${film.labels[frame]}`);
  };
}
