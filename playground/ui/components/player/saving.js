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
 * Frames below each other, evenly spaced over the film: their labels, and their panels in rows.
 * @param {number} count the most frames
 * @param {Saving} saving
 */
function frameSheet(count, { film, generationStep, drawPanel }) {
  const last = film.labels.length - 1;
  const frames = Math.min(count, last + 1);
  const [width, height] = film.size;
  const columns = film.columns ?? film.panels.length;
  const rows = Math.ceil(film.panels.length / columns);
  const times = Math.max(1, Math.round((film.columns ? 84 : 140) / height));
  const [cellWidth, cellHeight] = [width * times + GAP, height * times + LINE + GAP];
  const panel = Object.assign(document.createElement("canvas"), { width, height });
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns * cellWidth + GAP, height: frames * rows * cellHeight });
  const context = context2d(canvas);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#111";
  context.font = "15px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (let k = 0; k < frames; k++) {
    const i = Math.round((k * last) / Math.max(1, frames - 1));
    film.panels.forEach((_, p) => {
      drawPanel(panel, p, i);
      const top = (k * rows + Math.floor(p / columns)) * cellHeight + LINE;
      context.drawImage(panel, GAP + (p % columns) * cellWidth, top, width * times, height * times);
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
