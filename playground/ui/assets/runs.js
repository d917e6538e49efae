// Runs: numbered requests whose answer is a film.

import { query } from "./dom.js";
import { numberedRequests } from "./requests.js";

const MOST_RESUMED_IN_VAIN = 20;

/**
 * Where in its film a link leads: to a frame of a sampling, or to a snapshot of a training; empty once there.
 * @typedef {object} Goal
 * @property {number} [frame]
 * @property {number} [train_steps]
 * @property {number} [snapshot]
 * @property {number} [generation_step]
 */

/**
 * Runs of one kind, whose film one player shows. A new run ends the one before.
 * @param {string} kind
 * @param {string} tab the player's tab
 * @param {string} player the player's id
 * @param {() => number} stateNumber the number of the state that is open
 */
export function createRuns(kind, tab, player, stateNumber) {
  const request = numberedRequests(1000, (isOnItsWay) =>
    note(
      isOnItsWay
        ? "The run has not started: the server does not answer. It is asked again."
        : "The run has not started yet: the server is busy.",
    ),
  );
  const note = (/** @type {string} */ text) => {
    query(document, `#${player} .run-note`).textContent = text;
  };
  const markBody = () => document.body.toggleAttribute(`data-${kind}`, request.pending);
  /** @type {() => Record<string, unknown>} */
  let details = () => ({});
  let [resumed, resumedWith, toldAt] = [0, 0, 0];

  const runs = {
    kind,
    tab,
    player,
    request,
    /** @type {Goal} */
    goal: {},
    wanted: false, // whether the link asks for a run that has not been started
    anew: false, // whether nothing has run since the present state was opened
    opened: -1, // the number of the state in which the run was asked for
    unasked: false, // whether it began without a press
    connect: request.connect,
    get number() {
      return request.number;
    },
    get running() {
      return request.pending;
    },

    /** Start a run. `what` returns what the request says; it is read again for each repetition. */
    ask(what = () => /** @type {Record<string, unknown>} */ ({})) {
      [details, resumed, resumedWith] = [what, 0, 0];
      Object.assign(runs, { wanted: false, anew: false, opened: stateNumber() });
      note("");
      request.ask(details);
      markBody();
    },

    /** Gradio may lose an update of a film that is being made: the next one is to begin after its first `frames`. */
    lacks(/** @type {number} */ frames) {
      if (performance.now() - toldAt < 300) return; // the update is on its way
      toldAt = performance.now();
      request.tell({ lacks: frames });
    },

    /** Ask for what comes after the first `frames` of a film whose run has ended. */
    resume(/** @type {number | undefined} */ film, /** @type {number} */ frames) {
      resumed = frames > resumedWith ? 0 : resumed + 1;
      resumedWith = frames;
      if (resumed > MOST_RESUMED_IN_VAIN) return note("Some frames have been lost on the way: run it again.");
      request.ask(() => ({ ...details(), new_film: false, again: false, film, frames }));
      markBody();
    },

    /** A stop is a request, too: it ends the run before. */
    stop() {
      if (!request.pending) return;
      request.ask(() => ({ stop: true }));
      request.ended(request.number);
      markBody();
    },

    arrived(/** @type {{ number: number, started: boolean, ended: boolean }} */ { number, started, ended }) {
      const isOverdue = () => request.pending && number === request.number && request.tries > 0;
      request.arrived(number, started);
      if (!ended || !isOverdue()) return;
      // The film's end may be on its way behind this answer: only after a second it counts as lost.
      setTimeout(() => {
        if (isOverdue()) document.dispatchEvent(new CustomEvent("playground:lost", { detail: runs }));
      }, 1000);
    },

    heard(/** @type {number} */ n) {
      const isLatest = request.heard(n);
      if (isLatest) note("");
      return isLatest;
    },

    ended(/** @type {number} */ n) {
      request.ended(n);
      markBody();
    },
  };
  return runs;
}

/** @typedef {ReturnType<typeof createRuns>} Runs */
