// The player: draws the frames of a film, its numbers and its charts, and moves through them without asking the server.
// A film comes from playground/render/film.py. This file knows no formula of diffusion: a panel is a sum of layers,
// `still` or `moving`, weighted by its row in a table, or a moving layer of its own.
// Gradio runs this text as the body of a function of (element, trigger, props, server, upload, watch).

const find = (selector) => element.querySelector(selector);
const player = find(".player"), stage = find(".stage"), slider = find("input[type=range]"), output = find(".ends output");
const playButton = find(".play"), loop = find(".loop input"), speed = find("select");

let film = null;       // what is on show; null before the first film
let frame = 0;         // the frame on show, a whole number
let playing = null;    // while playing: the time of the last tick and the exact position
let following = false; // while frames still arrive: show each as it comes
let drawn = -1;        // the frame that the canvases show
let charts = [];       // functions that move a chart's marker to a frame
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
const charted = new ResizeObserver(() => { buildCharts(); draw(true); });

// --- decoding ---------------------------------------------------------------------------------------------------

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const floats = (text) => new Float32Array(bytes(text).buffer);
const scale = bytes(player.dataset.colours);

function accept(text) {
  if (!text) return;
  const piece = JSON.parse(text);
  if (piece.start === 0) begin(piece);
  else if (film && piece.start === film.labels.length) append(piece);
}

function begin(piece) {
  setEmpty(false);
  following = false;
  const changed = !film || JSON.stringify([film.panels, film.size]) !== JSON.stringify([piece.panels, piece.size]);
  pause();
  film = { ...piece, labels: [], numbers: piece.numbers.map((number) => ({ ...number, values: [] })), moving: [], words: {} };
  if (piece.table) Object.assign(film, { still: floats(piece.still), table: floats(piece.table) });
  const below = new Set(film.panels.map((panel) => panel.note));
  film.listed = film.numbers.filter((each) => !below.has(each.key)); // the others stand below their panels
  append(piece);
  if (changed) buildStage();
  buildStrip();
  buildFormulas();
  buildNumbers();
  buildCharts();
  slider.max = film.total - 1;
  const ends = player.querySelectorAll(".ends span");
  [ends[0].textContent, ends[1].textContent] = film.ends;
  following = film.labels.length < film.total;
  if (film.sync && playground.place !== undefined) show(nearest(playground.place), false);
  else show(Math.min(film.at ?? 0, film.labels.length - 1), false);
  draw(true);
}

function append(piece) {
  film.labels.push(...piece.labels);
  for (const [p, texts] of Object.entries(piece.words ?? {})) (film.words[p] ??= []).push(...texts);
  piece.numbers.forEach((number, k) => film.numbers[k].values.push(...floats(number.values)));
  const data = bytes(piece.moving ?? ""), size = layerSize();
  for (let at = 0; at < data.length; at += size) film.moving.push(data.subarray(at, at + size));
  if (following) show(film.labels.length - 1, false);
  if (film.labels.length !== film.total) return;
  following = false;
  if (film.sync) return;
  const wanted = playground.wantedFrame();
  if (wanted === null) playground.set({ frame });
  else byHand(wanted);
}

// --- drawing ----------------------------------------------------------------------------------------------------

const layerSize = () => film.size[0] * film.size[1] * film.size[2];

/** The values of panel `p` in frame `i`, H × W × C: its layers, weighted by its row of the table. */
function panelValues(p, i) {
  const size = layerSize(), result = new Float32Array(size), count = film.still.length / size;
  const row = (i * film.panels.length + p) * (count + film.limits.length);
  const add = (weight, layer) => { for (let j = 0; j < size; j++) result[j] += weight * layer[j]; };
  for (let k = 0; k < count; k++) {
    if (film.table[row + k]) add(film.table[row + k], film.still.subarray(k * size, (k + 1) * size));
  }
  film.limits.forEach(([low, high], k) => {
    const weight = film.table[row + count + k], layer = film.moving[i * film.limits.length + k];
    if (weight) for (let j = 0; j < size; j++) result[j] += weight * (low + layer[j] * (high - low) / 255);
  });
  return result;
}

/** The bytes of panel `p` in frame `i`: 0…255 over the panel's limits. */
function panelBytes(p, i) {
  if (!film.table) return film.moving[i * film.panels.length + p];
  const [low, high] = film.panels[p].limits;
  return Uint8ClampedArray.from(panelValues(p, i), (value) => (value - low) * 255 / (high - low)); // rounds and clips
}

function paint(canvas, data, panel) {
  const [width, height, channels] = film.size;
  const context = canvas.getContext("2d"), picture = context.createImageData(width, height), pixels = picture.data;
  const colours = panel.scale === "noise" && channels === 1;
  for (let j = 0; j < width * height; j++) {
    for (let c = 0; c < 3; c++) pixels[4 * j + c] = colours ? scale[3 * data[j] + c] : data[channels * j + (c % channels)];
    pixels[4 * j + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

/** Bring everything to `frame`; unless `again`, only if that is not what is drawn. */
function draw(again = false) {
  if (!film || (!again && drawn === frame)) return;
  if (element.offsetParent === null) return; // hidden: drawn when it is shown
  drawn = frame;
  const label = film.labels[frame];
  film.panels.forEach((panel, p) => {
    const view = stage.children[p], canvas = view.querySelector("canvas");
    paint(canvas, panelBytes(p, frame), panel);
    canvas.setAttribute("aria-label", `${panel.title} ${panel.badge} at ${label}. ${numbersInWords(panel)}`);
    if (panel.factor) view.querySelector(".factor span").textContent = written(number(panel.factor));
    if (panel.note) view.querySelector(".about span").textContent = written(number(panel.note));
    if (film.words[p]) view.querySelector(".words").textContent = film.words[p][frame];
  });
  film.listed.forEach((each, k) => { find(".numbers").children[k].lastChild.textContent = written(each); });
  find(".formulas").querySelectorAll("[data-key]").forEach((span) => { span.textContent = written(number(span.dataset.key)); });
  charts.forEach((move) => move());
  markStrip();
  slider.value = frame;
  slider.setAttribute("aria-valuetext", label);
  output.textContent = label;
}

const number = (key) => film.numbers.find((each) => each.key === key);
const inWords = (each) => `${each.symbol} = ${written(each)}`;
const numbersInWords = (panel) => [...(panel.note ? [number(panel.note)] : []), ...film.listed].map(inWords).join(", ");

function written(each) {
  const value = each.values[frame];
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toFixed(each.digits).replace("-", "−");
}

/** `x_t` with a lowered t, `x_t−1` with a lowered t−1; text only, whatever it holds. */
function typeset(node, text) {
  text.split(/_([\wθ](?:−1)?)(?!\w)/).forEach((part, k) => {
    if (k % 2) node.appendChild(document.createElement("sub")).textContent = part;
    else node.append(part);
  });
  return node;
}

function make(tag, name, text = "") {
  const node = document.createElement(tag);
  node.className = name;
  return typeset(node, text);
}

function buildStage() {
  const [width, height] = film.size;
  stage.style.setProperty("--panels", film.columns ?? film.panels.length);
  stage.classList.toggle("matrix", film.columns !== undefined);
  const factored = film.panels.some((panel) => panel.factor);
  stage.classList.toggle("factored", factored);
  stage.replaceChildren(...film.panels.map((panel, p) => {
    const view = make("figure", `panel ${panel.role}`);
    if (panel.before) view.dataset.before = panel.before;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    canvas.setAttribute("role", "img");
    const caption = make("figcaption", "", "");
    const title = make("span", "title", panel.title);
    if (panel.badge) title.append(make("span", "badge", panel.badge));
    const about = make("span", "about", panel.note ? `${[panel.about, number(panel.note).symbol].filter(Boolean).join(": ")} ` : panel.about);
    if (panel.note) about.append(document.createElement("span"));
    caption.append(title, about);
    if (film.words[p]) caption.append(make("span", "words"));
    if (factored) { // a line above each panel, so that they align
      const factor = make("div", "factor", panel.factor ? `${number(panel.factor).symbol} = ` : "");
      factor.append(document.createElement("span"));
      view.append(factor);
    }
    view.append(canvas, caption);
    return view;
  }));
  find(".legend").hidden = !film.panels.some((panel) => panel.scale === "noise") || film.size[2] !== 1;
  const bar = find(".legend canvas"), context = bar.getContext("2d"), strip = context.createImageData(256, 1);
  for (let v = 0; v < 256; v++) strip.data.set([scale[3 * v], scale[3 * v + 1], scale[3 * v + 2], 255], 4 * v);
  context.putImageData(strip, 0, 0);
}

/** Ten frames of one panel, from the first to the last; a click goes there. */
function buildStrip() {
  const strip = find(".strip");
  strip.hidden = film.strip === undefined;
  if (strip.hidden) return;
  const [width, height] = film.size, panel = film.panels[film.strip];
  strip.replaceChildren(...Array.from({ length: 10 }, (_, k) => {
    const i = Math.round(k * (film.total - 1) / 9), view = make("button", panel.role);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    paint(canvas, panelBytes(film.strip, i), panel);
    Object.assign(view, { type: "button", value: i });
    view.append(canvas, make("span", "", film.labels[i]));
    view.addEventListener("click", () => byHand(i));
    return view;
  }));
}

/** Mark the picture of the strip that is nearest to the present frame. */
function markStrip() {
  const nearest = Math.round(frame / (film.total - 1) * 9);
  [...find(".strip").children].forEach((view, k) => view.setAttribute("aria-current", k === nearest));
}

/** Formulas in which numbers stand that change with the frame. */
function buildFormulas() {
  find(".formulas").replaceChildren(...(film.formulas ?? []).map((parts) => {
    const line = make("p", "formula");
    for (const [text, role, key] of parts) {
      const part = line.appendChild(make("span", role, text));
      if (key) part.dataset.key = key;
    }
    return line;
  }));
}

function buildNumbers() {
  find(".numbers").replaceChildren(...film.listed.map((each) => {
    const cell = make("div", each.role);
    cell.title = each.about;
    cell.append(make("dt", "", each.symbol), make("dd", ""));
    return cell;
  }));
}

// --- charts -----------------------------------------------------------------------------------------------------

function buildCharts() {
  if (!film) return;
  const box = find(".charts");
  const boxes = film.charts.map((chart) => {
    const view = make("div", "chart");
    view.append(make("div", "chart-title", chart.title));
    return view;
  });
  box.replaceChildren(...boxes);
  const build = (chart) => (chart.bars ? buildBars : chart.scatter ? buildScatter : buildCurves);
  charts = film.charts.map((chart, k) => build(chart)(chart, boxes[k]));
}

const height = 170, left = 44, right = 10, top = 8, bottom = 24; // of a chart, and its margins

function svg(tag, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
  return parent.appendChild(node);
}

function svgRoot(box) {
  const width = Math.max(box.clientWidth, 240);
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

function keyEntry(key, series, look) {
  const entry = make("span", series.role);
  const line = svg("svg", { width: 26, height: 8 }, entry);
  svg("line", { class: look, x1: 0, x2: 26, y1: 4, y2: 4 }, line);
  entry.append(make("span", "", series.name));
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
  svg("line", { class: "rule", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }, root);
  const area = svg("path", { class: `bars ${bars.role}` }, root), line = svg("path", { class: `curve ${curve.role}` }, root);
  const key = make("div", "key");
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
    svg("line", { class: "rule", x1: left, x2: width - right, y1: y(value), y2: y(value) }, root);
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

/** Draw the curves once; return the function that moves the marker and the dots to the present frame. */
function buildCurves(chart, box) {
  const [root, width] = svgRoot(box), values = chart.series.flatMap((series) => series.y);
  const span = chart.range_y ?? (chart.log ? [Math.min(...values), Math.max(...values)] : [Math.min(0, ...values), Math.max(1, ...values)]);
  const [sides, rise] = rounded(span, chart.log ? 1 : 0);
  const [x, y] = buildAxes(root, width, chart.range, sides, rise, chart.log);
  const clip = `${element.closest("[id]")?.id}-clip-${++clips}`;
  svg("rect", { x: left, y: top - 2, width: width - left - right, height: height - top - bottom + 4 }, svg("clipPath", { id: clip }, root));
  const curves = svg("g", { "clip-path": `url(#${clip})` }, root), key = make("div", "key");
  // The strong curves last, so that they lie on top.
  [...chart.series].sort((a, b) => (b.look === "faint") - (a.look === "faint")).forEach((series, k) => {
    const points = series.x.map((value, j) => `${x(value).toFixed(1)},${y(series.y[j]).toFixed(1)}`).join(" ");
    const look = `curve ${series.role} ${series.look === "faint" ? `faint dash-${k % 3}` : series.look}`;
    svg("polyline", { class: look, points }, curves);
    if (series.name) keyEntry(key, series, look);
  });
  box.append(key);
  const rule = svg("line", { class: "marker", y1: top, y2: height - bottom }, root);
  const dots = chart.series.filter((series) => series.dot).map((series) =>
    [number(series.dot), svg("circle", { class: `dot ${series.role}`, r: 5 }, root)]);
  const across = number("t"), [low, high] = sides;
  return () => {
    const place = x(across.values[frame]);
    rule.setAttribute("x1", place);
    rule.setAttribute("x2", place);
    for (const [each, dot] of dots) {
      const value = chart.log ? Math.log10(each.values[frame]) : each.values[frame], there = value >= low && value <= high;
      dot.setAttribute("visibility", there ? "visible" : "hidden"); // off the scale it has no place
      if (!there) continue;
      dot.setAttribute("cx", place);
      dot.setAttribute("cy", y(value));
    }
    root.setAttribute("aria-label", `${chart.title}: ${dots.map(([each]) => inWords(each)).join(", ")} at ${film.labels[frame]}`);
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
  const frameBox = make("div", "scatter"), key = make("div", "key"), said = make("span", "");
  root.replaceWith(frameBox);
  frameBox.append(root, cloud);
  const noted = key.appendChild(make("span", ""));
  noted.append(make("span", "", `${number(chart.note).symbol} =`), said);
  box.append(key);
  const context = cloud.getContext("2d"), role = film.panels[q].role;
  return () => {
    const [one, other] = [panelValues(p, frame), panelValues(q, frame)];
    context.setTransform(sharp, 0, 0, sharp, -left * sharp, -top * sharp);
    context.clearRect(left, top, ...inside);
    context.fillStyle = getComputedStyle(player).getPropertyValue(`--${role}`);
    context.globalAlpha = Math.min(.8, 600 / one.length);
    for (let j = 0; j < one.length; j++) context.fillRect(x(one[j]) - 1, y(other[j]) - 1, 2, 2);
    said.textContent = written(number(chart.note));
    root.setAttribute("aria-label", `${chart.title}: ${inWords(number(chart.note))} at ${film.labels[frame]}`);
  };
}

// --- moving -----------------------------------------------------------------------------------------------------

/** Go to frame `i`, and `tell` the page: the link says where one is, and films over t share their place in it. */
function show(i, tell = true) {
  frame = Math.max(0, Math.min(i, film.labels.length - 1));
  if (tell && film.sync) playground.moveTo(number("t").values[frame], number("t").values.at(-1), element);
  else if (tell && film.labels.length === film.total) playground.set({ frame });
  draw();
}

/** The frame whose t is nearest to this share of the way. */
function nearest(place) {
  const t = number("t").values, goal = +(place * t.at(-1)).toFixed(6); // so that 250 is not 250.00000000000003
  return t.reduce((best, value, i) => Math.abs(value - goal) < Math.abs(t[best] - goal) ? i : best, 0);
}

function pause() {
  playing = null;
  playButton.textContent = "▶";
  playButton.setAttribute("aria-label", "Play");
}

function play() {
  if (!film || film.total < 2) return;
  following = false;
  if (frame >= film.labels.length - 1) show(0);
  playing = { time: performance.now(), place: frame };
  playButton.textContent = "❚❚";
  playButton.setAttribute("aria-label", "Pause");
  requestAnimationFrame(tick);
}

function tick(time) {
  if (!playing || !player.isConnected) return;
  const rate = Math.max(8, film.total / 6) * speed.value; // frames a second: a long film takes six seconds
  const leap = calm.matches ? Math.ceil(rate / 2) : 1; // two pictures a second for who wants little motion
  playing.place += Math.max(0, time - playing.time) / 1000 * rate;
  playing.time = time;
  const last = film.labels.length - 1;
  if (playing.place > last && loop.checked) playing.place = 0;
  show(playing.place >= last ? last : Math.floor(playing.place / leap) * leap);
  if (playing.place >= last) pause();
  else requestAnimationFrame(tick);
}

/** What a person does by hand stops what runs by itself. */
function byHand(i) {
  if (!film) return;
  following = false;
  pause();
  show(i);
}

find(".previous").addEventListener("click", () => byHand(frame - 1));
find(".next").addEventListener("click", () => byHand(frame + 1));
playButton.addEventListener("click", () => (playing ? pause() : play()));
slider.addEventListener("input", () => byHand(+slider.value));
/** The keys, and those of a clicker; controls keep their own, and the slider lacks only the space bar. */
function onKey(event) {
  if (event.defaultPrevented || event.target.closest("button, select, label, textarea, [role=listbox], [role=tab]")) return;
  if (event.target.matches("input") && (event.target !== slider || event.key !== " ")) return;
  const back = () => byHand(frame - 1), on = () => byHand(frame + 1);
  const go = { ArrowLeft: back, ArrowRight: on, PageUp: back, PageDown: on, Home: () => byHand(0),
    End: () => byHand(Infinity), " ": () => (playing ? pause() : play()) }[event.key];
  if (!go || !film || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  go();
}
player.addEventListener("keydown", onKey);
// On a stage one's hands are not on the player: there its keys work anywhere on the page.
document.addEventListener("keydown", (event) => {
  if (playground.presenting && element.isConnected && element.offsetParent !== null) onKey(event);
});
document.addEventListener("playground-place", (event) => {
  if (film?.sync && event.detail !== element) show(nearest(playground.place), false);
});

// --- saving -----------------------------------------------------------------------------------------------------

/** At most `count` frames, evenly spaced, below each other: their panels in rows, and what t it is. */
function sheet(count) {
  const last = film.labels.length - 1, shown = Math.min(count, last + 1);
  const frames = Array.from({ length: shown }, (_, k) => Math.round(k * last / Math.max(1, shown - 1)));
  const [width, height] = film.size, columns = film.columns ?? film.panels.length, gap = 8, line = 26;
  const times = Math.max(1, Math.round((film.columns ? 84 : 140) / height));
  const wide = width * times + gap, high = height * times + line + gap, rows = Math.ceil(film.panels.length / columns);
  const plain = ({ title, badge }) => `${title.replaceAll("_0", "₀").replaceAll("_t", "ₜ")} ${badge}`.trim();
  const small = Object.assign(document.createElement("canvas"), { width, height });
  const all = Object.assign(document.createElement("canvas"), { width: columns * wide + gap, height: shown * rows * high });
  const context = all.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, all.width, all.height);
  Object.assign(context, { imageSmoothingEnabled: false, fillStyle: "#111", font: "15px system-ui, sans-serif", textBaseline: "middle" });
  frames.forEach((i, k) => {
    film.panels.forEach((panel, p) => {
      paint(small, panelBytes(p, i), panel);
      const row = k * rows + Math.floor(p / columns);
      context.drawImage(small, gap + (p % columns) * wide, row * high + line, width * times, height * times);
    });
    for (let row = 0; row < rows; row++) {
      const titles = film.panels.slice(row * columns, (row + 1) * columns).map(plain).join("  |  ");
      context.fillText(`${row ? "" : `${film.labels[i]}     `}${titles}`, gap, (k * rows + row) * high + line / 2, all.width - 2 * gap);
    }
  });
  return { frames: shown, canvas: all };
}

function everyNumber() {
  const finite = (value) => (Number.isFinite(value) ? value : null);
  const inFrame = (i) => Object.fromEntries(film.numbers.map(({ key, values }) => [key, finite(values[i])]));
  const numbers = film.numbers.map(({ key, symbol, about }) => ({ key, symbol, about }));
  return { link: playground.link(), numbers, frames: film.labels.map((label, i) => ({ label, ...inFrame(i) })) };
}

async function save(kind) {
  if (kind === "json") return new Blob([JSON.stringify(everyNumber(), null, 1)], { type: "application/json" });
  const { canvas, frames } = sheet(kind === "gif" ? 40 : 10);
  if (kind === "png") return new Promise((done) => canvas.toBlob(done));
  const answer = await server.encode_gif({ sheet: canvas.toDataURL(), frames });
  if (answer.error) throw new Error(answer.error);
  return new Blob([bytes(answer.gif)], { type: "image/gif" });
}

find(".save").addEventListener("click", async (event) => {
  const kind = event.target.dataset.kind, said = find(".said");
  if (!kind || !film) return;
  said.textContent = "…";
  try {
    const url = URL.createObjectURL(await save(kind));
    Object.assign(document.createElement("a"), { href: url, download: `${element.closest("[id^=player]")?.id ?? "film"}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    said.textContent = "saved";
  } catch (error) {
    said.textContent = `It could not be saved: ${error.message}`;
  }
});

function setEmpty(empty) {
  player.classList.toggle("empty", empty);
  player.querySelectorAll("button, input, select").forEach((each) => { each.disabled = empty; });
}

setEmpty(true);
charted.observe(element); // also when a hidden tab is shown
watch("film", () => accept(props.film));
const first = playground.pristine ? props.film : null; // what the page was built with, as long as it holds
if (!first) stage.append(make("p", "prompt", player.dataset.prompt));
accept(first);
