// Saving a film: its frames as a strip, as a moving GIF or MP4, and its numbers.

import { context2d } from "../../assets/dom.js";
import { bytes, filmTable } from "./film.js";

/** @typedef {import("./film.js").Film} Film */

/**
 * What a film is saved with.
 * @typedef {object} Saving
 * @property {Film} film
 * @property {number} generationStep
 * @property {(canvas: HTMLCanvasElement, p: number, i: number) => void} drawPanel
 * @property {() => string | null} link that makes the same film
 * @property {(sheet: { kind: string, sheet: string, frames: number }) => Promise<{ file: string } | { error: string }>} encode
 */

const GAP = 8;
const LINE = 26;
const MAX_SIDE = 16_000; // of a sheet, as in player.py
const MAX_PIXELS = 12_000_000;
const STRIP_FRAMES = 10;
const MOVING_FRAMES = 40;

/**
 * The film as a file.
 * @param {"png" | "json" | "gif" | "mp4"} kind
 * @param {Saving} saving
 * @returns {Promise<Blob>}
 * @throws {Error} if the server refuses to encode it
 */
export async function encodeFilm(kind, saving) {
  if (kind === "json") {
    return new Blob([JSON.stringify(filmTable(saving.film, saving.link()), null, 1)], { type: "application/json" });
  }
  if (kind === "png") {
    const { canvas } = frameSheet(STRIP_FRAMES, saving);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("it is too large"))));
    });
  }
  const { canvas, frames } = frameSheet(MOVING_FRAMES, saving);
  const answer = await saving.encode({ kind, sheet: canvas.toDataURL(), frames });
  if ("error" in answer) throw new Error(answer.error);
  return new Blob([bytes(answer.file)], { type: kind === "gif" ? "image/gif" : "video/mp4" });
}

/**
 * The layout of a sheet: as large as is easy to see, and no larger than the server encodes.
 * @param {Film} film
 * @param {number} frames
 */
export function sheetLayout({ size: [width, height], panels, columns = panels.length }, frames) {
  const rows = Math.ceil(panels.length / columns);
  const layout = (/** @type {number} */ scale) => {
    const [panelWidth, panelHeight] = [Math.round(width * scale), Math.round(height * scale)];
    const [cellWidth, cellHeight] = [panelWidth + GAP, panelHeight + LINE + GAP];
    const [sheetWidth, sheetHeight] = [columns * cellWidth + GAP, frames * rows * cellHeight];
    return { columns, rows, panelWidth, panelHeight, cellWidth, cellHeight, sheetWidth, sheetHeight };
  };
  let scale = Math.max(1, Math.round((columns < panels.length ? 84 : 140) / height));
  let result = layout(scale);
  while (
    Math.max(result.sheetWidth, result.sheetHeight) > MAX_SIDE ||
    result.sheetWidth * result.sheetHeight > MAX_PIXELS
  ) {
    scale *= 0.95;
    result = layout(scale);
  }
  return result;
}

/**
 * Frames below each other, evenly spaced over the film: their labels, and their panels in rows.
 * @param {number} count the most frames
 * @param {Saving} saving
 */
function frameSheet(count, { film, generationStep, drawPanel }) {
  const last = film.labels.length - 1;
  const frames = Math.min(count, last + 1);
  const [width, height] = film.size;
  const { columns, rows, panelWidth, panelHeight, cellWidth, cellHeight, sheetWidth, sheetHeight } = sheetLayout(
    film,
    frames,
  );
  const panel = Object.assign(document.createElement("canvas"), { width, height });
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: sheetWidth, height: sheetHeight });
  const context = context2d(canvas);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = panelWidth < width;
  context.fillStyle = "#111";
  context.font = "15px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let k = 0; k < frames; k++) {
    const i = Math.round((k * last) / Math.max(1, frames - 1));
    film.panels.forEach((_, p) => {
      drawPanel(panel, p, i);
      const top = (k * rows + Math.floor(p / columns)) * cellHeight + LINE;
      context.drawImage(panel, GAP + (p % columns) * cellWidth, top, panelWidth, panelHeight);
    });
    for (let row = 0; row < rows; row++) {
      const place = film.places ? `, ${film.places.labels[generationStep]}` : "";
      const label = row ? "" : film.labels[i] + place;
      const titles = film.panels
        .slice(row * columns, (row + 1) * columns)
        .map(plainTitle)
        .join("  |  ");
      context.fillText(`${label}     ${titles}`, GAP, (k * rows + row) * cellHeight + LINE / 2, canvas.width - 2 * GAP);
    }
  }
  return { frames, canvas };
}

const plainTitle = (/** @type {import("./film.js").Panel} */ { title, badge }) =>
  `${title.replaceAll("_0", "₀").replaceAll("_t", "ₜ")} ${badge}`.trim();
