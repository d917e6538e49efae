// Planes: points, paths and vector fields in two dimensions.
// `film.plane` holds what all frames share, `film.snapshots[i]` what belongs to frame i; core has computed all of it.

import { context2d } from "../../assets/dom.js";
import { lastGenerationStep } from "./film.js";

/** @typedef {import("./film.js").Film} Film */
/** @typedef {import("./film.js").Plane} Plane */
/** @typedef {import("./film.js").Panel} Panel */
/** @typedef {import("./film.js").Snapshot} Snapshot */

/**
 * A film's plane, ready to draw one panel.
 * @typedef {object} Drawing
 * @property {CanvasRenderingContext2D} context
 * @property {Plane} plane
 * @property {Panel} panel
 * @property {number} step place in the generation
 * @property {number} lastStep
 * @property {number} side pixels
 * @property {(value: number) => number} x
 * @property {(value: number) => number} y
 * @property {(role: string) => string} colour
 */

/**
 * Draw a panel of planes.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./view.js").PlayerView & { film: Film }} view
 * @param {Panel} panel
 * @param {number} i the frame
 */
export function drawPlane(canvas, { root, film, generationStep }, panel, i) {
  const context = context2d(canvas);
  const side = canvas.width;
  const plane = /** @type {Plane} */ (film.plane);
  const styles = getComputedStyle(root);
  /** @type {Drawing} */
  const drawing = {
    context,
    plane,
    panel,
    step: generationStep,
    lastStep: lastGenerationStep(film),
    side,
    x: (value) => ((value / plane.reach + 1) / 2) * side,
    y: (value) => ((1 - value / plane.reach) / 2) * side,
    colour: (role) => styles.getPropertyValue(`--${role}`),
  };
  context.clearRect(0, 0, side, side);
  context.lineWidth = side / 500;
  context.lineCap = "round";
  const snapshot = film.snapshots[i];
  if (panel.draws === "data") drawData(drawing);
  else if (panel.draws === "paths") drawPaths(drawing, snapshot.paths);
  else drawVectorField(drawing, panel.draws === "exact" ? plane.field : snapshot.field);
  context.globalAlpha = 1;
}

/**
 * @param {Drawing} drawing
 * @param {number} count
 * @param {(k: number) => [number, number]} at position of point k
 * @param {number} size
 */
function drawPoints({ context, x, y }, count, at, size) {
  for (let k = 0; k < count; k++) {
    const [across, up] = at(k);
    context.fillRect(x(across) - size / 2, y(up) - size / 2, size, size);
  }
}

/** The data in the noise of this place: the layers, weighted by the place's row of the table. */
function drawData(/** @type {Drawing} */ drawing) {
  const { context, plane, panel, step, side, colour } = drawing;
  const { layers, table } = plane;
  const count = layers.length / 4;
  const [a, b] = table.subarray(2 * step);
  context.globalAlpha = 0.6;
  context.fillStyle = colour(panel.role);
  const noisy = (/** @type {number} */ j) => a * layers[j] + b * layers[2 * count + j];
  drawPoints(drawing, count, (k) => [noisy(2 * k), noisy(2 * k + 1)], side / 160);
}

/**
 * The particles, the paths that they have come, and behind them the data.
 * @param {Drawing} drawing
 * @param {Int16Array} paths position of each particle at each place
 */
function drawPaths(drawing, paths) {
  const { context, plane, panel, step, lastStep, side, x, y, colour } = drawing;
  const { layers, scale } = plane;
  const particles = paths.length / (2 * (lastStep + 1));
  const at = (/** @type {number} */ i, /** @type {number} */ k) => {
    const j = 2 * (i * particles + k);
    return /** @type {[number, number]} */ ([paths[j] / scale, paths[j + 1] / scale]);
  };
  context.globalAlpha = 0.25;
  context.fillStyle = colour("picture");
  drawPoints(drawing, layers.length / 4, (k) => [layers[2 * k], layers[2 * k + 1]], side / 160);
  context.strokeStyle = context.fillStyle = colour(panel.role);
  for (const [from, strength] of [
    [0, 0.16],
    [Math.max(0, step - 3), 0.5],
  ]) {
    context.globalAlpha = strength;
    context.beginPath();
    for (let k = 0; k < particles; k++) {
      for (let i = from; i <= step; i++) {
        const [across, up] = at(i, k);
        context[i === from ? "moveTo" : "lineTo"](x(across), y(up));
      }
    }
    context.stroke();
  }
  context.globalAlpha = 1;
  drawPoints(drawing, particles, (k) => at(step, k), side / 110);
}

/**
 * The predicted noise at each position of the grid, the fainter the fewer x_t come there.
 * @param {Drawing} drawing
 * @param {Int8Array} field
 */
function drawVectorField({ context, plane, panel, step, lastStep, side, x, y, colour }, field) {
  const { grid, density, reach } = plane;
  const count = grid.length / 2;
  const place = Math.min(step, lastStep - 1); // at the clean end there is no noise to predict
  const spacing = (Math.abs(grid[3] - grid[1]) * side) / (2 * reach); // pixels
  const toPixels = (spacing * 0.95) / 127; // the longest vector is as long as the grid is wide
  const head = spacing * 0.22;
  context.strokeStyle = colour(panel.role);
  context.lineWidth *= 1.6;
  for (let k = 0; k < count; k++) {
    const j = 2 * (place * count + k);
    const [right, down] = [field[j] * toPixels, -field[j + 1] * toPixels];
    const length = Math.hypot(right, down);
    const [fromX, fromY] = [x(grid[2 * k]) - right / 2, y(grid[2 * k + 1]) - down / 2];
    const [toX, toY] = [fromX + right, fromY + down];
    context.globalAlpha = 0.3 + 0.7 * Math.sqrt(density[place * count + k] / 255);
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    if (length <= 1) {
      context.lineTo(fromX + 1, fromY + 1);
    } // a dot: 0
    else {
      const tip = Math.min(head, length * 0.5);
      const [u, v] = [(right / length) * tip, (down / length) * tip];
      context.moveTo(toX - u - v * 0.6, toY - v + u * 0.6);
      context.lineTo(toX, toY);
      context.lineTo(toX - u + v * 0.6, toY - v - u * 0.6);
    }
    context.stroke();
  }
}
