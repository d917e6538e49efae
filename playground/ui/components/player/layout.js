// Layout of a player: panels as large as the screen allows, with the transport in view.

import { query } from "../../assets/dom.js";
import { isHidden, narrow } from "./view.js";

/** @typedef {import("./view.js").PlayerView} PlayerView */

const isLow = () => innerHeight <= 480; // a phone on its side

/** The height of the bar at the screen's lower edge on a phone and a tablet; a phone shows the first numbers above it. */
function heightBelow() {
  const bar = matchMedia("(max-width: 1000px)").matches ? (isLow() ? 48 : 56) : 0;
  return bar + (narrow.matches ? 48 : 0);
}

/**
 * Columns and rows of the film to come.
 * @param {PlayerView} view
 * @returns {{ columns: number, rows: number, isHeaded: boolean }} `isHeaded`: whether columns have names
 */
export function skeletonShape({ root, runs }) {
  const shapes = JSON.parse(root.dataset.skeletons ?? "{}"); // "5x3", with an h where columns have names
  const { analysis = "", sampling_view = "" } = document.body.dataset;
  /** @type {string} */
  const shape = shapes[runs ? sampling_view : analysis] ?? Object.values(shapes)[0];
  const [columns, rows] = shape.split("x").map((each) => parseInt(each, 10));
  return { columns, rows, isHeaded: shape.endsWith("h") };
}

/**
 * Number of panels and of columns, of the film on show or of the one to come.
 * @param {PlayerView} view
 * @returns {[number, number]}
 */
function shape(view) {
  if (view.film) return [view.film.panels.length, view.film.columns ?? view.film.panels.length];
  const { columns, rows } = skeletonShape(view);
  return [columns * rows, columns];
}

/**
 * Set the side of the panels, so that film and transport are never below the fold.
 * @param {PlayerView} view
 */
export function fit(view) {
  if (isHidden(view)) return;
  const { root, stage, film, runs } = view;
  const [count, columns] = shape(view);
  const isNarrow = narrow.matches;
  const isZoomed = stage.classList.contains("zoomed");
  const hasPlanes = film ? film.plane !== null : root.dataset.runs === "training";

  const isMatrixWithCharts = film ? film.sync && film.columns && film.charts.length > 0 : !runs && columns < count;
  root.classList.toggle("beside", Boolean(isMatrixWithCharts) && !isNarrow && root.clientWidth > 700);

  let across = columns;
  if (isZoomed) across = 1;
  else if (isNarrow && hasPlanes) across = 2;
  else if (isNarrow && count === columns && columns > 4) across = 3;
  const down = isZoomed ? 1 : Math.ceil(count / across);
  const gap = gapOf(view, count, columns);
  root.style.setProperty("--gap", `${gap}px`);
  root.style.setProperty("--columns", String(across));
  stage.classList.toggle("wrapped", !isZoomed && film?.columns === undefined && across < columns);

  const [width, height] = hasPlanes || !film ? [1, 1] : film.size;
  const most = mostSide(isZoomed);
  const widest = Math.min(most, (query(root, ".film").clientWidth - (across - 1) * gap) / across);
  const least = isLow() ? (down > 1 ? 300 : 160) : 230;
  let side = Math.min(widest, parseFloat(root.style.getPropertyValue("--side")) || widest);
  const setSide = () => root.style.setProperty("--side", `${Math.floor(side)}px`);
  // Captions wrap by the side, and the side depends on their height.
  for (let pass = 0; pass < 3; pass++) {
    setSide();
    const around = stage.offsetHeight - (down * Math.floor(side) * height) / width;
    const top = stage.getBoundingClientRect().top + scrollY;
    const room = Math.max(least, innerHeight - top - query(root, ".transports").offsetHeight - 18 - heightBelow());
    const highest = (((room - around) / down) * width) / height;
    side = isNarrow && !hasPlanes ? widest : Math.max(isNarrow ? 105 : 48, Math.min(widest, highest));
  }
  setSide();
}

/** The longest side of a panel in pixels. */
function mostSide(/** @type {boolean} */ isZoomed) {
  if (isZoomed) return 900;
  if (document.body.classList.contains("presenting")) return 620;
  return innerHeight >= 1000 ? 520 : 480;
}

/**
 * The pixels between panels: wide where operators stand between them.
 * @param {PlayerView} view
 * @param {number} count
 * @param {number} columns
 */
function gapOf({ film }, count, columns) {
  const hasOperators = film?.columns === undefined && film?.panels.some((panel) => panel.before);
  if (hasOperators) return narrow.matches ? 20 : count > 4 ? 26 : 36;
  if (columns < count) return narrow.matches ? 6 : 14;
  return 12;
}
