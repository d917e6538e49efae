// Numbered requests: a request arrives once, whatever is lost or late on the way.

const LONGEST_WAIT = 10_000; // milliseconds between two repetitions
const REPETITIONS_BEFORE_NOTE = 3;

/** @typedef {Record<string, unknown>} Details what a request says besides its number */

/**
 * @typedef {object} Requests
 * @property {number} number the latest request's
 * @property {number} tries how often it has been repeated
 * @property {boolean} pending whether anything more is expected of it
 * @property {(props: { value: unknown }, trigger: (event: string) => void) => void} connect connect the component that
 *   sends
 * @property {(details?: () => Details) => void} ask make another request
 * @property {(more: Details) => void} tell tell more of the latest request, which has arrived
 * @property {(n: number, hasStarted?: boolean) => void} arrived the server has answered that request `n` arrived
 * @property {(n: number) => boolean} heard something came that belongs to request `n`; returns whether it is the latest
 * @property {(n: number) => void} ended nothing more comes for request `n`
 */

/**
 * Numbered requests of one kind. One is on its way at a time; of those that come meanwhile the last is sent next.
 * A request without an answer is sent again: its number keeps it from being carried out twice.
 * @param {number} firstWait milliseconds until the first repetition; each later wait is twice as long
 * @param {(isOnItsWay: boolean) => void} unheard called when a request has been repeated and not begun
 * @returns {Requests}
 */
export function numberedRequests(firstWait, unheard) {
  let number = 0;
  let tries = 0;
  let pending = false;
  let isOnItsWay = false;
  let started = false;
  /** @type {() => Details} */
  let details = () => ({});
  /** @type {((events: string[], more?: Details) => void) | null} */
  let send = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let repetition;

  function wait() {
    clearTimeout(repetition);
    repetition = setTimeout(
      () => {
        tries += 1;
        if (tries >= REPETITIONS_BEFORE_NOTE && !started) unheard(isOnItsWay);
        send?.(started ? ["input"] : ["submit", "input"]);
        wait();
      },
      Math.min(LONGEST_WAIT, firstWait * 2 ** tries),
    );
  }

  function start() {
    if (!send || isOnItsWay) return;
    isOnItsWay = true;
    started = false;
    tries = 0;
    send(["submit", "input"]); // Gradio would keep a second listener to one event waiting until the first is done
    wait();
  }

  return {
    get number() {
      return number;
    },
    get tries() {
      return tries;
    },
    get pending() {
      return pending;
    },
    connect(props, trigger) {
      send = (events, more = {}) => {
        props.value = { number, ...details(), ...more };
        events.forEach((event) => trigger(event));
      };
      if (pending) start();
    },
    ask(what = () => ({})) {
      number += 1;
      details = what;
      pending = true;
      start();
    },
    tell(more) {
      send?.(["input"], more);
    },
    arrived(n, hasStarted = true) {
      if (n === number) started ||= hasStarted;
      if (!isOnItsWay) return;
      isOnItsWay = false;
      if (n !== number) start();
      else if (!pending) clearTimeout(repetition);
    },
    heard(n) {
      if (n !== number) return false;
      [started, tries] = [true, 0];
      if (pending) wait();
      return true;
    },
    ended(n) {
      if (n !== number) return;
      pending = false;
      if (!isOnItsWay) clearTimeout(repetition);
    },
  };
}
