// Transport: the buttons and the slider that move through a film.

import { query, queryAll } from "../../assets/dom.js";

/**
 * What a transport moves.
 * @typedef {object} Track
 * @property {() => number} last the last position that is there
 * @property {() => number} count number of positions of the whole film
 * @property {() => number} position
 * @property {(i: number) => void} go
 * @property {() => void} onPlay called when a person lets it play
 * @property {() => void} onSeek called when a person moves by hand, which stops what moves by itself
 */

/**
 * @typedef {object} Playback what all transports of a player share
 * @property {() => number} speed
 * @property {() => boolean} isLooping
 * @property {() => boolean} hasReducedMotion
 */

/** @typedef {ReturnType<typeof createTransport>} Transport */

const SECONDS = 6; // a long film's duration at speed 1
const LEAST_RATE = 8; // positions a second
const REDUCED_RATE = 2; // pictures a second with reduced motion

/**
 * Transport of one row of controls.
 * @param {HTMLElement} row
 * @param {Track} track
 * @param {Playback} playback
 */
export function createTransport(row, { last, count, position, go, onPlay, onSeek }, playback) {
  const slider = /** @type {HTMLInputElement} */ (query(row, "input[type=range]"));
  const button = query(row, ".play");
  const output = query(row, "output");
  /** @type {{ time: number, position: number } | null} the last tick and the exact position then; null while it stands */
  let playing = null;

  function showButton(/** @type {string} */ text, /** @type {string} */ label) {
    button.textContent = text;
    button.setAttribute("aria-label", label);
  }

  function pause() {
    playing = null;
    showButton("▶", button.dataset.play ?? "");
  }

  function play() {
    if (last() < 1) return;
    onPlay();
    if (position() >= last()) go(0);
    playing = { time: performance.now(), position: position() };
    showButton("❚❚", "Pause");
    requestAnimationFrame(tick);
  }

  function tick(/** @type {number} */ time) {
    if (!playing || !row.isConnected) return;
    const rate = Math.max(LEAST_RATE, count() / SECONDS) * playback.speed();
    const stride = playback.hasReducedMotion() ? Math.ceil(rate / REDUCED_RATE) : 1;
    playing.position += (Math.max(0, time - playing.time) / 1000) * rate;
    playing.time = time;
    if (playing.position > last() && playback.isLooping()) playing.position = 0;
    const hasEnded = playing.position >= last();
    go(hasEnded ? last() : Math.floor(playing.position / stride) * stride);
    if (hasEnded) pause();
    else requestAnimationFrame(tick);
  }

  function seekByUser(/** @type {number} */ i) {
    onSeek();
    pause();
    go(i);
  }

  const page = () => Math.max(1, Math.round(count() / 50)); // a clicker's step: one that can be seen
  const transport = {
    get playing() {
      return playing !== null;
    },
    pause,
    seekByUser,
    toggle: () => (playing ? pause() : play()),
    previous: () => seekByUser(position() - 1),
    next: () => seekByUser(position() + 1),
    pageBack: () => seekByUser(position() - page()),
    pageForward: () => seekByUser(position() + page()),

    /** The names of both ends. */
    setEndLabels(/** @type {string[]} */ ends) {
      queryAll(row, ".range-labels span").forEach((span, k) => {
        span.textContent = ends[k];
      });
    },

    /** Show the position. */
    update(/** @type {string} */ label) {
      slider.max = String(count() - 1);
      slider.value = String(position());
      slider.setAttribute("aria-valuetext", label);
      output.textContent = label;
    },
  };
  query(row, ".previous").addEventListener("click", transport.previous);
  query(row, ".next").addEventListener("click", transport.next);
  button.addEventListener("click", transport.toggle);
  slider.addEventListener("input", () => seekByUser(Number(slider.value)));
  return transport;
}
