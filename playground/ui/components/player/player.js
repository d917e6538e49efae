// The player: draws the frames of a film, its numbers and its charts, and moves through them without asking the server.
// A film comes from playground/render/films/. This file knows no formula of diffusion: a panel is a sum of layers,
// `still` or `moving`, weighted by its row in a table, or a moving layer of its own, or a plane (planes.js).
// A film of planes has a second way to move: each of its frames has places, from noise to data.
// Gradio runs this text, with charts.js, planes.js and saving.js before it, as the body of a function of
// (element, trigger, props, server, upload, watch).

const query = (selector) => element.querySelector(selector);
const player = query(".player"), stage = query(".panels"), loop = query(".loop input"), speed = query("select");

let film = null;       // what is on show; null before the first film
let frame = 0;         // the frame on show, a whole number
let generationStep = 0; // the place within it, from noise to data; 0 where a film has none
let following = false; // while frames still arrive: show each as it comes
let lastDrawnKey = ""; // the frame and the place that the canvases show
let charts = [];       // functions that move a chart's marker to a frame
const SHOWN_NUMBERS = 6; // beside charts; the others on demand
const runs = playground.requests[player.dataset.runs]; // whose films these are; undefined for films over t
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
let laidOutAt = 0;     // the width that all was laid out for; 0 while the tab is hidden
const resizeObserver = new ResizeObserver(([{ contentRect }]) => {
  if (Math.abs(contentRect.width - laidOutAt) < 1) return;
  laidOutAt = contentRect.width;
  relayOut();
  if (film?.places && laidOutAt) publishPosition(); // it may have changed while it was hidden
});

// --- decoding ---------------------------------------------------------------------------------------------------

function bytes(text) {
  const raw = atob(text), values = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) values[i] = raw.charCodeAt(i);
  return values;
}

const floats = (text) => new Float32Array(bytes(text).buffer);
const scale = bytes(player.dataset.colours);

function onFilmPieces(text) {
  if (text) JSON.parse(text).pieces.forEach(onFilmPiece);
}

/** Take a piece into the film on show, or begin another with it. */
function onFilmPiece(piece) {
  const { request, run } = piece; // films are numbered by `run`: later ones have higher numbers
  const isLatest = request === undefined || runs.heard(request);
  if ((!isLatest && player.dataset.runs === "sampling") || run < film?.run) return; // of what a later run has replaced
  const have = run !== undefined && run === film?.run ? film.labels.length : 0;
  if (piece.ended) {
    runs.ended(request);
    if (isLatest && piece.x_T !== undefined) waitForPress(piece.x_T);
    if (isLatest && (have < piece.frames || (piece.stays && !film.stays))) runs.resume(run, have);
    else if (isLatest && have) onFilmComplete(); // also where everything was there already
  } else if (piece.start === 0 && (have === 0 || piece.stays)) startFilm(piece);
  else if (film && piece.start === have && run === film.run) appendPiece(piece);
  else if (isLatest && piece.start > have) {
    if (request === undefined) runs.resume(run, have);
    else runs.lacks(have);
  }
}

/** Nothing has run: empty boxes stand there, the first with the noise that a run would start with. */
function waitForPress(x_T) {
  if (film) {
    frameTransport.pause();
    film = null;
    charts = [];
    for (const name of ["heads", "filmstrip", "formulas", "numbers", "remark", "charts"]) query(`.${name}`).replaceChildren();
    query(".frames").classList.remove("has-filmstrip");
    query(".frames output").textContent = "";
    query(".all-numbers").hidden = query(".colorbar").hidden = true;
    for (const name of ["run", "frames"]) delete player.dataset[name];
    stage.classList.remove("one-badge", "has-coefficients", "wrapped");
    markStale();
    buildSkeleton();
  }
  if (x_T) stage.querySelector(".skeleton > div").style.background = `url(${x_T}) center / contain`;
}

function startFilm(piece) {
  setEmpty(false);
  following = false;
  const changed = !film || JSON.stringify([film.panels, film.size]) !== JSON.stringify([piece.panels, piece.size]);
  // One stays at the place where one was, within a state.
  const more = film && film.places && piece.places && film.opened === playground.opened;
  const goesOn = piece.stays && film?.run === piece.run && frameTransport.playing;
  frameTransport.pause();
  stepTransport?.pause();
  film = {
    ...piece, opened: playground.opened, labels: [], numbers: piece.numbers.map((number) => ({ ...number, values: [] })), moving: [],
    words: {}, absent: {},
  };
  if (piece.plane) decodePlane();
  player.dataset.run = piece.run ?? "";
  markStale();
  if (!more) generationStep = Math.min(runs?.goal.generation_step ?? Infinity, lastGenerationStep());
  if (piece.table) Object.assign(film, { still: floats(piece.still), table: floats(piece.table) });
  const below = new Set(film.panels.map((panel) => panel.note));
  // The others stand below their panels; those of the level come last.
  const ofLevel = ({ key }) => ["t", "alpha_bar", "alpha", "sigma", "log_snr", "beta"].includes(key);
  film.tableNumbers = film.numbers.filter((each) => !below.has(each.key)).sort((one, other) => ofLevel(one) - ofLevel(other));
  storePiece(piece);
  if (changed) buildStage();
  buildStrip();
  buildFormulas();
  buildNumbers();
  if (film.places) generationTransport().setEndLabels(film.places.ends);
  fit();
  buildCharts();
  frameTransport.setEndLabels(film.ends);
  query(".said").textContent = "";
  following = film.labels.length < film.total;
  const last = film.labels.length - 1;
  if (film.sync && playground.timestepShare !== undefined) show(nearestFrame(playground.timestepShare), false);
  else show(Math.min(film.stays ? frame : film.at ?? (following || film.sync || film.places ? 0 : last), last), film.places !== undefined);
  draw(true);
  if (!following) onFilmComplete();
  if (goesOn) frameTransport.toggle();
}

/** Add a piece to the film, and what it brings with it; `show` comes later for a film that is just beginning. */
function appendPiece(piece) {
  storePiece(piece);
  if (piece.follow && piece.start) following = true; // somebody went on with what had stood still
  const ofThisState = piece.request === undefined || runs.opened === playground.opened;
  if (following) show(Math.min(film.labels.length - 1, goalFrame()), film.places !== undefined && ofThisState);
  if (film.labels.length === film.total) onFilmComplete();
}

function onFilmComplete() {
  const unasked = following && runs?.unasked && runs.goal.frame === undefined;
  following = false;
  if (runs) seekToLinkedFrame();
  if (unasked && !reducedMotion.matches) frameTransport.toggle(); // it was over before anybody could look
}

/** A film says from which settings it was made: where the page is at others by now, it is marked. One over t is dimmed
 *  until that of the chosen view has come. */
function markStale() {
  player.classList.toggle("is-waiting", playground.ready && film?.analysis !== undefined && film.analysis !== playground.value("analysis"));
  player.classList.toggle("is-stale", film?.settings !== undefined && playground.differs(film.settings));
  query(".stale").hidden = !player.classList.contains("is-stale");
}

function storePiece(piece) {
  film.total = piece.total;
  film.labels.push(...piece.labels);
  for (const name of ["words", "absent"]) {
    for (const [p, texts] of Object.entries(piece[name] ?? {})) (film[name][p] ??= []).push(...texts);
  }
  piece.numbers.forEach((number, k) => film.numbers[k].values.push(...floats(number.values)));
  const data = bytes(piece.moving ?? ""), size = layerSize();
  for (let at = 0; at < data.length; at += size) film.moving.push(data.subarray(at, at + size));
  player.dataset.frames = film.labels.length; // what the page asks for next begins here
  if (piece.snapshots) film.snapshots.push(...piece.snapshots.map(decodeSnapshot));
}

// --- drawing ----------------------------------------------------------------------------------------------------

const layerSize = () => film.size[0] * film.size[1] * film.size[2];

/** The values of panel `p` in frame `i`, H × W × C: its layers, weighted by its row of the table. */
function panelValues(p, i) {
  const size = layerSize(), result = new Float32Array(size), count = film.still.length / size;
  const row = (i * film.panels.length + p) * (count + film.limits.length);
  const addLayer = (weight, layer) => { for (let j = 0; j < size; j++) result[j] += weight * layer[j]; };
  for (let k = 0; k < count; k++) {
    if (film.table[row + k]) addLayer(film.table[row + k], film.still.subarray(k * size, (k + 1) * size));
  }
  film.limits.forEach(([low, high], k) => {
    const weight = film.table[row + count + k], layer = film.moving[i * film.limits.length + k];
    if (weight) for (let j = 0; j < size; j++) result[j] += weight * (low + layer[j] * (high - low) / 255);
  });
  return result;
}

/** The bytes of panel `p` in frame `i`: 0…255 over the panel's limits. */
function panelPixels(p, i) {
  if (!film.table) return film.moving[i * film.panels.length + p];
  const [low, high] = film.panels[p].limits;
  return Uint8ClampedArray.from(panelValues(p, i), (value) => (value - low) * 255 / (high - low)); // rounds and clips
}

function drawImage(canvas, data, panel) {
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
  const now = `${frame} ${generationStep}`;
  if (!film || (!again && lastDrawnKey === now)) return;
  if (element.offsetParent === null) return; // hidden: drawn when it is shown
  lastDrawnKey = now;
  const label = [film.labels[frame], ...(film.places ? [film.places.labels[generationStep]] : [])].join(", ");
  film.panels.forEach((panel, p) => {
    const view = stage.children[p], canvas = view.querySelector("canvas");
    drawPanel(canvas, p, frame);
    canvas.setAttribute("aria-label", `${panel.title} ${panel.badge} at ${label}. ${describePanel(panel)}`);
    if (panel.factor) view.querySelector(".coefficient span").textContent = formatNumber(number(panel.factor));
    if (panel.note) view.querySelector(".about span").textContent = formatNumber(number(panel.note));
    if (film.words[p]) view.querySelector(".panel-text").textContent = film.words[p][frame];
    if (film.absent[p]) view.dataset.absent = film.absent[p][frame];
  });
  film.tableNumbers.forEach((each, k) => { film.cells[k].lastChild.textContent = formatNumber(each); });
  query(".formulas").querySelectorAll("[data-key]").forEach((span) => { span.textContent = formatNumber(number(span.dataset.key)); });
  charts.forEach((move) => move());
  markStrip();
  frameTransport.update(film.labels[frame]);
  if (film.places) stepTransport.update(film.places.labels[generationStep]);
}

/** Draw panel `p` of frame `i`, whatever it is. */
function drawPanel(canvas, p, i) {
  const panel = film.panels[p];
  if (panel.draws) drawPlane(canvas, panel, i);
  else drawImage(canvas, panelPixels(p, i), panel);
}

const number = (key) => film.numbers.find((each) => each.key === key);
const describeNumber = (each) => `${each.symbol} = ${formatNumber(each)}`;
const describePanel = (panel) => [...(panel.note ? [number(panel.note)] : []), ...film.tableNumbers].map(describeNumber).join(", ");

/** Its value now: a number has one for each frame, for each place, or for each place of each frame. */
function valueOf({ values, over }) {
  if (!over) return values[frame];
  return values[over === "place" ? generationStep : frame * film.places.labels.length + generationStep];
}

function formatNumber(each) {
  const value = valueOf(each);
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

function createElement(tag, name, text = "") {
  const node = document.createElement(tag);
  node.className = name;
  return typeset(node, text);
}

function buildStage() {
  const [width, height] = film.size;
  unzoom();
  player.querySelector(".prompt")?.remove();
  stage.classList.toggle("matrix", film.columns !== undefined);
  stage.classList.toggle("tall", film.panels.length > 2 * film.columns);
  const badges = new Set(film.panels.map((panel) => panel.badge).filter(Boolean));
  stage.classList.toggle("one-badge", film.columns !== undefined && badges.size === 1);
  stage.classList.toggle("planes", film.plane !== undefined);
  const factored = film.panels.some((panel) => panel.factor);
  stage.classList.toggle("has-coefficients", factored);
  stage.replaceChildren(...film.panels.map((panel, p) => {
    const view = createElement("figure", `panel ${panel.role}`);
    if (panel.before) view.dataset.before = panel.before;
    view.addEventListener("click", (event) => { if (event.target.tagName === "CANVAS") zoom(p); });
    const canvas = document.createElement("canvas");
    Object.assign(canvas, film.plane ? { width: film.plane.side, height: film.plane.side } : { width, height });
    canvas.setAttribute("role", "img");
    const caption = createElement("figcaption", "", "");
    const title = createElement("span", "title", panel.title);
    if (panel.badge) title.append(createElement("span", "badge", panel.badge));
    const about = createElement("span", "about"), symbol = panel.note && number(panel.note).symbol; // what has no room goes, the number last
    about.title = [panel.about, symbol].filter(Boolean).join(": ");
    if (panel.about) about.append(Object.assign(createElement("small", "", symbol ? `${panel.about}: ` : panel.about), { title: panel.about }));
    if (symbol) about.append(createElement("small", "symbol", `${symbol} `));
    if (panel.note) about.append(document.createElement("span"));
    caption.append(title, about);
    if (film.words[p]) caption.append(createElement("span", "panel-text"));
    if (factored) { // a line above each panel, so that they align
      const factor = createElement("div", "coefficient", panel.factor ? `${number(panel.factor).symbol} = ` : "");
      factor.append(document.createElement("span"));
      view.append(factor);
    }
    view.append(canvas, caption);
    return view;
  }));
  buildHeads();
  query(".colorbar").hidden = !film.panels.some((panel) => panel.scale === "noise") || film.size[2] !== 1;
  const bar = query(".colorbar canvas"), context = bar.getContext("2d"), strip = context.createImageData(256, 1);
  for (let v = 0; v < 256; v++) strip.data.set([scale[3 * v], scale[3 * v + 1], scale[3 * v + 2], 255], 4 * v);
  context.putImageData(strip, 0, 0);
}

/** Where all panels of a column have the same badge, it stands once above the column. */
function buildHeads() {
  const { columns, panels } = film, rows = panels.length / columns;
  const same = (p) => Array.from({ length: rows }, (_, row) => panels[row * columns + p].badge).every((badge) => badge === panels[p].badge);
  const headed = rows > 1 && Array.from({ length: columns }, (_, p) => p).every(same) && new Set(panels.map((panel) => panel.badge).filter(Boolean)).size > 1;
  stage.classList.toggle("headed", headed);
  query(".heads").replaceChildren(...(headed ? panels.slice(0, columns).map((panel) => createElement("span", "", panel.badge)) : []));
}

/** One panel fills the place of the film, until Escape or another click. */
function zoom(p) {
  if (stage.classList.contains("zoomed")) return unzoom();
  stage.classList.add("zoomed");
  stage.children[p].classList.add("zoom");
  relayOut();
}

function unzoom() {
  const was = stage.classList.contains("zoomed");
  stage.classList.remove("zoomed");
  stage.querySelector(".zoom")?.classList.remove("zoom");
  if (was) relayOut();
}

// --- the film's size --------------------------------------------------------------------------------------------

const narrow = window.matchMedia("(max-width: 640px)");

/** The panels are as large as the screen allows, the transport included: neither is ever below the fold. */
function fit() {
  if (element.offsetParent === null) return;
  const [count, columns] = shape(), operators = film?.panels.some((panel) => panel.before) && film.columns === undefined;
  const isMatrix = film ? film.sync && film.columns && film.charts.length > 0 : !runs && columns < count; // films over t have charts
  const beside = Boolean(isMatrix) && !narrow.matches && player.clientWidth > 700;
  player.classList.toggle("beside", beside);
  const zoomed = stage.classList.contains("zoomed");
  const planes = film ? film.plane !== undefined : player.dataset.runs === "training";
  const across = zoomed ? 1 : narrow.matches && planes ? 2 : narrow.matches && count === columns && columns > 4 ? 3 : columns;
  const down = zoomed ? 1 : Math.ceil(count / across), [width, height] = planes ? [1, 1] : film?.size ?? [1, 1];
  const gap = operators ? (narrow.matches ? 20 : count > 4 ? 26 : 36) : columns < count ? (narrow.matches ? 6 : 14) : 12;
  player.style.setProperty("--gap", `${gap}px`);
  player.style.setProperty("--columns", across);
  stage.classList.toggle("wrapped", !zoomed && film?.columns === undefined && across < columns);
  const presenting = document.body.classList.contains("presenting");
  const most = zoomed ? 900 : presenting ? 620 : innerHeight >= 1000 ? 520 : 480;
  const wide = Math.min(most, (query(".film").clientWidth - (across - 1) * gap) / across);
  let side = Math.min(wide, parseFloat(player.style.getPropertyValue("--side")) || wide);
  for (let pass = 0; pass < 3; pass++) { // captions wrap by the side, and the side goes by their height
    player.style.setProperty("--side", `${Math.floor(side)}px`);
    const around = stage.offsetHeight - down * Math.floor(side) * height / width;
    const top = stage.getBoundingClientRect().top + scrollY;
    const room = Math.max(low() ? (down > 1 ? 300 : 160) : 230, innerHeight - top - query(".transports").offsetHeight - 18 - below());
    side = narrow.matches && !planes ? wide : Math.max(narrow.matches ? 105 : 48, Math.min(wide, (room - around) / down * width / height));
  }
  player.style.setProperty("--side", `${Math.floor(side)}px`);
}

/** How high the bar below the stage is, which a phone and a tablet have; above it a phone shows where the numbers begin. */
const below = () => (matchMedia("(max-width: 1000px)").matches ? (low() ? 48 : 56) : 0) + (narrow.matches ? 48 : 0);
const low = () => innerHeight <= 480; // a phone on its side

/** How many panels there are, and in how many columns; before the first film, as its skeleton says. */
function shape() {
  if (film) return [film.panels.length, film.columns ?? film.panels.length];
  const [columns, rows] = skeleton();
  return [columns * rows, columns];
}

const skeleton = () => kind().split("x").map((each) => parseInt(each, 10));

/** Columns and rows of the film to come, "5x3", with an h where columns have names. */
function kind() {
  const all = JSON.parse(player.dataset.skeletons), { analysis, sampling_view } = document.body.dataset;
  return all[player.dataset.runs ? sampling_view : analysis] ?? Object.values(all)[0];
}

/** Empty boxes of the size of the film to come. */
function buildSkeleton() {
  if (player.dataset.runs === "training") generationTransport(); // its films have places
  setEmpty(true);
  const [count, columns] = shape();
  stage.classList.toggle("matrix", columns < count);
  stage.classList.toggle("tall", 2 * columns < count);
  if (kind().endsWith("h")) query(".heads").append(createElement("span", "", "\u00a0")); // names of the columns
  stage.replaceChildren(...Array.from({ length: count }, () => {
    const view = createElement("figure", "skeleton mixture");
    view.append(document.createElement("div"), createElement("figcaption", "", "\u00a0"));
    return view;
  }));
  query(".panels").dataset.prompt = player.dataset.prompt;
  fit();
}

function relayOut() {
  fit();
  if (!film) return;
  buildStrip();
  buildCharts();
  draw(true);
}
addEventListener("resize", relayOut);

/** Ten frames of one panel, from the first to the last, on a phone as many as a finger tells apart; a click goes there. */
function buildStrip() {
  const strip = query(".filmstrip");
  strip.hidden = film.strip === undefined;
  query(".frames").classList.toggle("has-filmstrip", !strip.hidden);
  if (strip.hidden) return;
  const [width, height] = film.size, panel = film.panels[film.strip], count = narrow.matches ? 9 : 10;
  strip.replaceChildren(...Array.from({ length: count }, (_, k) => {
    const i = Math.round(k * (film.total - 1) / (count - 1)), view = createElement("button", panel.role);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    drawImage(canvas, panelPixels(film.strip, i), panel);
    Object.assign(view, { type: "button", value: i });
    view.title = film.labels[i];
    view.setAttribute("aria-label", film.labels[i]);
    view.append(canvas);
    view.addEventListener("click", () => frameTransport.seekByUser(i));
    return view;
  }));
}

/** Mark the picture of the strip that is nearest to the present frame. */
function markStrip() {
  const views = [...query(".filmstrip").children], nearest = Math.round(frame / (film.total - 1) * (views.length - 1));
  views.forEach((view, k) => view.setAttribute("aria-current", k === nearest));
}

/** Formulas in which numbers stand that change with the frame. */
function buildFormulas() {
  query(".formulas").replaceChildren(...(film.formulas ?? []).map((parts) => {
    const line = createElement("p", "formula");
    for (const [text, role, key] of parts) {
      const part = line.appendChild(createElement("span", role, text));
      if (key) part.dataset.key = key;
    }
    return line;
  }));
}

/** A cell for each number; where several measures are there for the same networks, "R² · ideal", in a table. */
function buildNumbers() {
  film.cells = film.tableNumbers.map((each) => {
    const cell = createElement("div", each.role);
    cell.title = each.about;
    cell.append(createElement("dt", "", each.symbol), createElement("dd", ""));
    return cell;
  });
  query(".remark").textContent = film.remark ?? "";
  const table = tabled();
  query(".numbers").classList.toggle("tabled", table !== null);
  query(".numbers").replaceChildren(...(table ?? film.cells));
  query(".all-numbers").hidden = table !== null || film.tableNumbers.length <= SHOWN_NUMBERS || film.charts.length === 0;
  player.classList.toggle("few-numbers", !query(".all-numbers").hidden && !query(".all-numbers").classList.contains("pressed"));
}

/** The cells by measure, a row, and by network, a column, with their names; null where that is no table. */
function tabled() {
  const named = film.tableNumbers.map(({ symbol }) => symbol.split(" · ")), who = [...new Set(named.map(([, name]) => name).filter(Boolean))];
  const measures = [...new Set(named.filter(([, name]) => name).map(([measure]) => measure))];
  const of = (measure, name) => film.cells[named.findIndex((each) => each[0] === measure && each[1] === name)];
  if (measures.filter((measure) => who.filter((name) => of(measure, name)).length > 1).length < 2) return null;
  query(".numbers").style.setProperty("--networks", who.length);
  const blank = () => createElement("span", "");
  return [blank(), ...who.map((name) => createElement("span", "column", name)),
    ...measures.flatMap((measure) => [createElement("span", "measure", measure), ...who.map((name) => of(measure, name) ?? blank())]),
    ...film.cells.flatMap((cell, k) => (named[k][1] ? [] : [createElement("span", "measure", named[k][0]), cell, ...who.slice(1).map(blank)]))];
}

// --- moving -----------------------------------------------------------------------------------------------------

const lastGenerationStep = () => (film.places ? film.places.labels.length - 1 : 0);

/** Go to frame `i`, and `tell` the page: the link says where one is, and films over t share their place in it. */
function show(i, tell = true) {
  frame = Math.max(0, Math.min(i, film.labels.length - 1));
  if (tell) publishPosition();
  draw();
}

function showGenerationStep(i) {
  generationStep = Math.max(0, Math.min(i, lastGenerationStep()));
  publishPosition();
  draw();
}

function publishPosition() {
  if (film.sync) playground.setTimestep(number("t").values[frame], number("t").values.at(-1), element);
  else if (film.places) {
    if (runs.goal.train_steps !== undefined) return; // on the way to where a link leads
    const steps = number("step").values, shown = frame === steps.length - 1 ? null : steps[frame];
    playground.updateState({ train_steps: steps.at(-1) || null, snapshot: shown, generation_step: generationStep === lastGenerationStep() ? null : generationStep });
  } else if (film.labels.length === film.total && !player.classList.contains("is-stale")) playground.updateState({ frame });
}

/** The frame of a sampling that the link asks for: what arrives is followed that far. */
const goalFrame = () => (film.places ? Infinity : runs?.goal.frame ?? Infinity);

/** Once all frames are there: to the one that the link asks for. */
function seekToLinkedFrame() {
  const { goal } = runs;
  if (film.places && goal.train_steps === undefined) return;
  runs.goal = {};
  // The first film may have come before the link was read.
  if (film.places) generationStep = Math.min(goal.generation_step ?? Infinity, lastGenerationStep());
  const wanted = film.places ? goal.snapshot : goal.frame;
  if (wanted === undefined) show(film.places ? film.labels.length - 1 : frame);
  else frameTransport.seekByUser(film.places ? Math.max(0, number("step").values.indexOf(wanted)) : wanted);
}

/** The frame whose t is nearest to this share of the way. */
function nearestFrame(share) {
  const t = number("t").values, goal = +(share * t.at(-1)).toFixed(6); // so that 250 is not 250.00000000000003
  return t.reduce((best, value, i) => Math.abs(value - goal) < Math.abs(t[best] - goal) ? i : best, 0);
}

/** A way to move, with the buttons and the slider of a row: from 0 to `last()`, where `at()` is and `go` leads. */
function createTransport(row, { last, count, at, go }) {
  const slider = row.querySelector("input[type=range]"), button = row.querySelector(".play"), output = row.querySelector("output");
  let playing = null; // while playing: the time of the last tick and the exact position

  function pause() {
    playing = null;
    button.textContent = "▶";
    button.setAttribute("aria-label", button.dataset.play);
  }

  function play() {
    if (!film || last() < 1) return;
    following = false;
    if (at() >= last()) go(0);
    playing = { time: performance.now(), position: at() };
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    requestAnimationFrame(tick);
  }

  function tick(time) {
    if (!playing || !player.isConnected) return;
    const rate = Math.max(8, count() / 6) * speed.value; // frames a second: a long film takes six seconds
    const frameStride = reducedMotion.matches ? Math.ceil(rate / 2) : 1; // two pictures a second for who wants little motion
    playing.position += Math.max(0, time - playing.time) / 1000 * rate;
    playing.time = time;
    if (playing.position > last() && loop.checked) playing.position = 0;
    const ended = playing.position >= last();
    go(ended ? last() : Math.floor(playing.position / frameStride) * frameStride);
    if (ended) pause();
    else requestAnimationFrame(tick);
  }

  /** What a person does by hand stops what runs by itself. */
  function seekByUser(i) {
    if (!film) return;
    following = false;
    if (runs) runs.goal = {};
    pause();
    go(i);
  }

  const page = () => Math.max(1, Math.round(count() / 50)); // a step of a clicker: one that can be seen
  const move = {
    get playing() { return playing !== null; },
    pause, seekByUser, toggle: () => (playing ? pause() : play()), previous: () => seekByUser(at() - 1), next: () => seekByUser(at() + 1),
    pageBack: () => seekByUser(at() - page()), pageOn: () => seekByUser(at() + page()),
  };
  row.querySelector(".previous").addEventListener("click", move.previous);
  row.querySelector(".next").addEventListener("click", move.next);
  button.addEventListener("click", move.toggle);
  slider.addEventListener("input", () => seekByUser(+slider.value));

  /** The names of both ends. */
  move.setEndLabels = (ends) => row.querySelectorAll(".range-labels span").forEach((span, k) => { span.textContent = ends[k]; });

  /** Show where it stands. */
  move.update = (label) => {
    slider.max = count() - 1;
    slider.value = at();
    slider.setAttribute("aria-valuetext", label);
    output.textContent = label;
  };
  return move;
}

const frameTransport = createTransport(query(".frames"), { last: () => film.labels.length - 1, count: () => film.total, at: () => frame, go: show });
let stepTransport = null; // a film with places brings it

function generationTransport() {
  if (!stepTransport) {
    const row = query("template").content.cloneNode(true).querySelector(".places");
    query(".frames").after(row);
    stepTransport = createTransport(row, { last: lastGenerationStep, count: () => lastGenerationStep() + 1, at: () => generationStep, go: showGenerationStep });
  }
  return stepTransport;
}

/** The keys, and those of a clicker, on the whole page; a field, a list and a button keep their own. */
function onKey(event) {
  const { target, key } = event;
  if (element.offsetParent === null || event.defaultPrevented) return;
  if (key === "Escape" && stage.classList.contains("zoomed")) {
    event.preventDefault();
    return unzoom();
  }
  const isFilms = player.contains(target) && target.matches("input[type=range]");
  const isChoice = target.matches("input:is([type=radio], [type=checkbox])"); // keeps the arrows and space; a clicker turns pages
  if (target.closest("select, textarea, [role=listbox], [role=combobox], [contenteditable]") || (target.matches("input") && !isFilms && !isChoice)) return;
  if (isChoice && !["PageUp", "PageDown"].includes(key)) return;
  if (target.closest("[role=tab]") && ["Home", "End", "ArrowLeft", "ArrowRight"].includes(key)) return;
  if (target.closest("button, summary") && key === " ") return;
  if (isFilms && ![" ", "PageUp", "PageDown"].includes(key)) return;
  const along = target.closest(".places") ? stepTransport : frameTransport;
  const go = { ArrowLeft: along.previous, ArrowRight: along.next, PageUp: along.pageBack, PageDown: along.pageOn, Home: () => along.seekByUser(0),
    End: () => along.seekByUser(Infinity), " ": along.toggle, ...(film?.places && { ArrowDown: stepTransport.previous, ArrowUp: stepTransport.next }) }[key];
  if (!go || !film || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  go();
}
document.addEventListener("keydown", onKey, true);
document.addEventListener("playground:timestep", (event) => {
  if (film?.sync && event.detail !== element) show(nearestFrame(playground.timestepShare), false);
});

query(".save").addEventListener("click", onSave);
query(".all-numbers").addEventListener("click", ({ target }) => {
  target.classList.toggle("pressed");
  target.textContent = target.classList.contains("pressed") ? "fewer numbers" : "all numbers";
  player.classList.toggle("few-numbers");
  relayOut();
});
query(".again").addEventListener("click", () => playground.sample());
document.addEventListener("playground:state", markStale);
document.addEventListener("playground:lost", ({ detail }) => {
  if (detail === runs) runs.resume(film?.run, film?.labels.length ?? 0);
});

function setEmpty(empty) {
  player.classList.toggle("empty", empty);
  player.querySelectorAll("button, input, select").forEach((each) => { each.disabled = empty; });
}

resizeObserver.observe(element); // also when a hidden tab is shown
watch("film", () => onFilmPieces(props.film));
player.dataset.listening = ""; // of what came before, nothing is seen
const first = playground.isUnmodified ? props.film : null; // what the page was built with, as long as it holds
if (!first) buildSkeleton();
onFilmPieces(first);
playground.listening();
