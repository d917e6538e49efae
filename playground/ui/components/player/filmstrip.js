// Film strip: small pictures of one panel along the film. A click goes to its frame.

import { query } from "../../assets/dom.js";
import { drawPanel } from "./panels.js";
import { narrow } from "./view.js";

/**
 * Build the film strip of the film on show; it is hidden for a film without one.
 * @param {import("./panels.js").FilmView} view
 * @param {(i: number) => void} onClick called with the frame
 */
export function buildFilmstrip(view, onClick) {
  const { root, film } = view;
  const strip = query(root, ".filmstrip");
  const p = film.strip;
  strip.hidden = p === undefined;
  query(root, ".frames").classList.toggle("has-filmstrip", p !== undefined);
  if (p === undefined) return;
  const [width, height] = film.size;
  const count = narrow.matches ? 9 : 10; // as many as a finger tells apart
  strip.replaceChildren(
    ...Array.from({ length: count }, (_, k) => {
      const i = Math.round((k * (film.total - 1)) / (count - 1));
      const button = document.createElement("button");
      button.className = film.panels[p].role;
      Object.assign(button, { type: "button", value: String(i), title: film.labels[i] });
      button.setAttribute("aria-label", film.labels[i]);
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      drawPanel(canvas, view, p, i);
      button.append(canvas);
      button.addEventListener("click", () => onClick(i));
      return button;
    }),
  );
}

/**
 * Mark the picture that is nearest to the present frame.
 * @param {import("./panels.js").FilmView} view
 */
export function markFilmstrip({ root, film, frame }) {
  const buttons = [...query(root, ".filmstrip").children];
  const nearest = Math.round((frame / (film.total - 1)) * (buttons.length - 1));
  buttons.forEach((button, k) => button.setAttribute("aria-current", String(k === nearest)));
}
