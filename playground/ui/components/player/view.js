// View of a player: its elements, the film on show and the position in it.

/**
 * @typedef {object} PlayerView
 * @property {HTMLElement} element Gradio's, which holds the player
 * @property {HTMLElement} root the player
 * @property {HTMLElement} stage the panels
 * @property {Uint8Array} noiseColours 256 × RGB
 * @property {import("../../assets/runs.js").Runs | null} runs whose films are shown; null for films over t
 * @property {import("./film.js").Film | null} film on show; null before the first film
 * @property {number} frame on show
 * @property {number} generationStep place within the frame, from noise to data; 0 where a film has none
 */

export const narrow = matchMedia("(max-width: 640px)");

/** Whether a player is hidden, as in a tab that is not open. */
export const isHidden = (/** @type {PlayerView} */ { element }) => element.offsetParent === null;
