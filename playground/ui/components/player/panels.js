// Panels: the pictures of a frame side by side, with titles, captions and numbers.

import { context2d, createElement, query } from "../../assets/dom.js";
import { describeNumber, formatNumber, numberOf, panelPixels, tableNumbers } from "./film.js";
import { skeletonShape } from "./layout.js";
import { drawPlane } from "./planes.js";

/** @typedef {import("./view.js").PlayerView} PlayerView */
/** @typedef {import("./film.js").Film} Film */
/** @typedef {import("./film.js").Panel} Panel */
/** @typedef {PlayerView & { film: Film }} FilmView */

/**
 * Draw panel `p` of frame `i`.
 * @param {HTMLCanvasElement} canvas
 * @param {FilmView} view
 * @param {number} p
 * @param {number} i
 */
export function drawPanel(canvas, view, p, i) {
  const panel = view.film.panels[p];
  if (panel.draws) drawPlane(canvas, view, panel, i);
  else drawPicture(canvas, panelPixels(view.film, p, i), view.film, panel.scale === "noise" ? view.noiseColours : null);
}

/**
 * Draw a picture: grey or RGB, or grey in the colours of noise.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8Array | Uint8ClampedArray} pixels H × W × C
 * @param {Film} film
 * @param {Uint8Array | null} colours
 */
function drawPicture(canvas, pixels, { size: [width, height, channels] }, colours) {
  const context = context2d(canvas);
  const picture = context.createImageData(width, height);
  for (let j = 0; j < width * height; j++) {
    for (let c = 0; c < 3; c++) {
      const isColoured = colours && channels === 1;
      picture.data[4 * j + c] = isColoured ? colours[3 * pixels[j] + c] : pixels[channels * j + (c % channels)];
    }
    picture.data[4 * j + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

/**
 * Build the panels of the film on show.
 * @param {FilmView} view
 * @param {(p: number) => void} onClick called when the picture of panel `p` is clicked
 */
export function buildPanels(view, onClick) {
  const { stage, film } = view;
  const { panels, columns, plane } = film;
  const badges = new Set(panels.map(({ badge }) => badge).filter(Boolean));
  const hasCoefficients = panels.some(({ factor }) => factor);
  const classes = {
    matrix: columns !== undefined,
    tall: columns !== undefined && panels.length > 2 * columns,
    "one-badge": columns !== undefined && badges.size === 1,
    planes: plane !== null,
    "has-coefficients": hasCoefficients,
  };
  for (const [name, on] of Object.entries(classes)) stage.classList.toggle(name, on);
  stage.replaceChildren(
    ...panels.map((panel, p) => {
      const figure = createElement("figure", `panel ${panel.role}`);
      if (panel.before) figure.dataset.before = panel.before;
      figure.addEventListener("click", ({ target }) => {
        if (target instanceof HTMLCanvasElement) onClick(p);
      });
      if (hasCoefficients) figure.append(coefficient(film, panel)); // above each panel, so that they align
      const [width, height] = plane ? [plane.side, plane.side] : film.size;
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      canvas.setAttribute("role", "img");
      figure.append(canvas, caption(film, panel, p));
      return figure;
    }),
  );
  buildHeads(view);
  buildColorbar(view);
}

function coefficient(/** @type {Film} */ film, /** @type {Panel} */ { factor }) {
  const line = createElement("div", "coefficient", factor ? `${numberOf(film, factor).symbol} = ` : "");
  line.append(document.createElement("span"));
  return line;
}

/** A panel's title, badge, short caption and number. Where there is no room, the number is the last to go. */
function caption(/** @type {Film} */ film, /** @type {Panel} */ panel, /** @type {number} */ p) {
  const symbol = panel.note && numberOf(film, panel.note).symbol;
  const title = createElement("span", "title", panel.title);
  if (panel.badge) title.append(createElement("span", "badge", panel.badge));
  const about = createElement("span", "about");
  about.title = [panel.about, symbol].filter(Boolean).join(": ");
  if (panel.about) {
    const text = createElement("small", "", symbol ? `${panel.about}: ` : panel.about);
    about.append(Object.assign(text, { title: panel.about }));
  }
  if (symbol) about.append(createElement("small", "symbol", `${symbol} `));
  if (panel.note) about.append(document.createElement("span"));
  const node = createElement("figcaption");
  node.append(title, about);
  if (film.words[p]) node.append(createElement("span", "panel-text"));
  return node;
}

/** Where all panels of a column have the same badge, it stands once above the column. */
function buildHeads(/** @type {FilmView} */ { root, stage, film: { columns, panels } }) {
  const rows = columns ? panels.length / columns : 1;
  const inColumn = (/** @type {number} */ p) => panels.filter((_, k) => columns && k % columns === p);
  const hasOneBadge = (/** @type {Panel} */ { badge }, /** @type {number} */ p) =>
    inColumn(p).every((each) => each.badge === badge);
  const badges = new Set(panels.map(({ badge }) => badge).filter(Boolean));
  const top = panels.slice(0, columns);
  const isHeaded = rows > 1 && badges.size > 1 && top.every(hasOneBadge);
  stage.classList.toggle("headed", isHeaded);
  query(root, ".heads").replaceChildren(...(isHeaded ? top.map(({ badge }) => createElement("span", "", badge)) : []));
}

function buildColorbar(/** @type {FilmView} */ { root, film, noiseColours }) {
  query(root, ".colorbar").hidden = !film.panels.some(({ scale }) => scale === "noise") || film.size[2] !== 1;
  const context = context2d(query(root, ".colorbar canvas"));
  const bar = context.createImageData(256, 1);
  for (let v = 0; v < 256; v++) bar.data.set([...noiseColours.subarray(3 * v, 3 * v + 3), 255], 4 * v);
  context.putImageData(bar, 0, 0);
}

/**
 * Bring the panels to the present frame.
 * @param {FilmView} view
 * @param {string} label of the frame
 */
export function updatePanels(view, label) {
  const { film, frame, stage } = view;
  const list = tableNumbers(film);
  film.panels.forEach((panel, p) => {
    const figure = /** @type {HTMLElement} */ (stage.children[p]);
    const canvas = /** @type {HTMLCanvasElement} */ (query(figure, "canvas"));
    drawPanel(canvas, view, p, frame);
    const numbers = [...(panel.note ? [numberOf(film, panel.note)] : []), ...list];
    const described = numbers.map((number) => describeNumber(film, number, view)).join(", ");
    canvas.setAttribute("aria-label", `${panel.title} ${panel.badge} at ${label}. ${described}`);
    const write = (/** @type {string} */ key, /** @type {string} */ selector) => {
      query(figure, selector).textContent = formatNumber(film, numberOf(film, key), view);
    };
    if (panel.factor) write(panel.factor, ".coefficient span");
    if (panel.note) write(panel.note, ".about > span");
    if (film.words[p]) query(figure, ".panel-text").textContent = film.words[p][frame];
    if (film.absent[p]) figure.dataset.absent = film.absent[p][frame];
  });
}

/**
 * Empty boxes of the size of the film to come.
 * @param {PlayerView} view
 */
export function buildSkeleton(view) {
  const { root, stage } = view;
  const { columns, rows, isHeaded } = skeletonShape(view);
  const count = columns * rows;
  stage.classList.toggle("matrix", columns < count);
  stage.classList.toggle("tall", 2 * columns < count);
  if (isHeaded) query(root, ".heads").append(createElement("span", "", "\u00a0"));
  stage.replaceChildren(
    ...Array.from({ length: count }, () => {
      const figure = createElement("figure", "skeleton mixture");
      figure.append(document.createElement("div"), createElement("figcaption", "", "\u00a0"));
      return figure;
    }),
  );
  stage.dataset.prompt = root.dataset.prompt;
}
