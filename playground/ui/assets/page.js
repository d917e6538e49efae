// Page state in the browser: what a link carries, the browser's history, and presenter mode.
// The names in a link are those of `Settings`; `applyServerState` gets them from the server, which has checked them.

import { query, queryAll } from "./dom.js";
import { explainAtFields, isRefused } from "./field_errors.js";
import { GRADIO } from "./gradio_dom.js";
import { closeOverlays, closeSheet } from "./overlays.js";
import { numberedRequests } from "./requests.js";
import { createRuns } from "./runs.js";

/** @typedef {Record<string, unknown>} Changes settings and where a film stands, by name; null leaves the link */

const SHRINKS_AT = 0.02; // a share of the last t
const MOST_REOPENED = 2;
const RUN_STATE = { frame: null, train_steps: null, snapshot: null, generation_step: null }; // of a link, as far as nothing has run

const linked = new URLSearchParams(location.search); // what the page was opened with
const isReservedParam = (/** @type {string} */ name) => name.startsWith("__"); // Gradio's and the host's

/** @type {Record<string, string>} name → text, in the order of Settings */
let state = {};
/** @type {Record<string, string>} name → the text that a link leaves out */
let queryDefaults = {};
/** @type {Record<string, string>} what a person drew or uploaded → its fingerprint */
let drawings = {};
/** @type {ReturnType<typeof setTimeout> | undefined} */
let writing;
let events = 0;
let opened = -1; // the number of the request for the present state
let touched = false; // whether a person has done anything since the present state was opened
/** @type {number | null} the share of the last t at which the films over t stood before *Shrinkage* */
let shareBeforeShrinkage = null;
let runWhenChosen = -1; // the number of the last sampling when a view was chosen
let reopened = 0; // how often the present state was opened again because a late answer had changed it
let isCopied = false; // whether the link that was shared last is in the clipboard

/** The text of a value as a link has it. */
const written = (/** @type {unknown} */ value) =>
  String(value === null ? "" : typeof value === "boolean" ? Number(value) : value);

export const page = {
  isUnmodified: [...linked.keys()].every(isReservedParam), // nothing differs from the page as it was built
  ready: false, // once the server has read the link
  presenting: false,
  /** @type {number | undefined} of the films over t: t as a share of the last t */
  timestepShare: undefined,
  requests: {
    state: numberedRequests(3000, () =>
      noteLink("The link has not opened: the server does not answer. It is asked again."),
    ),
    sampling: createRuns("sampling", "sampling", "player-reverse", () => opened),
    training: createRuns("training", "training", "player-training", () => opened),
  },

  /**
   * Take up what the server has read in the link: the state, its number, and a sentence for each part that is not
   * allowed. An answer to an earlier request than the latest is dropped: the latest is on its way.
   * @param {string} text
   */
  applyServerState(text) {
    const read = JSON.parse(text);
    const { state: request, sampling, training } = page.requests;
    request.arrived(read.number);
    if (read.number !== request.number || read.number === opened) return;
    opened = read.number;
    request.ended(opened);
    ({ state, defaults: queryDefaults } = read);
    [drawings, touched, shareBeforeShrinkage, page.ready] = [{}, false, null, true];
    document.body.dataset.stage = document.body.dataset.rail = "built";
    noteLink(read.notes.join("\n"));
    const goalOf = (/** @type {string[]} */ ...names) =>
      Object.fromEntries(names.filter((name) => name in state).map((name) => [name, Number(state[name])]));
    Object.assign(sampling, { goal: goalOf("frame"), wanted: "frame" in state, anew: read.number > 0 });
    const anew = read.number > 0 && page.tab() === training.tab; // without training, too: there may have been some before
    const goal = goalOf("train_steps", "snapshot", "generation_step");
    Object.assign(training, { goal, wanted: "train_steps" in state || anew });
    page.present(state.present === "1", false);
    hideControls(page.hidden());
    document.dispatchEvent(new CustomEvent("playground:lesson", { detail: Number(state.lesson ?? 0) }));
    if (!page.isUnmodified) page.setTimestep(Number(state.t), Number(state.T) - 1, null);
    query(document, "#another").setAttribute("aria-label", "Another picture");
    query(document, "#other-noise").setAttribute("aria-label", "Other noise");
    updateBodyDataset();
    if (read.number) writeAddress();
    startWanted();
  },

  /**
   * Note what has changed.
   * @param {Changes} changes
   */
  updateState(changes) {
    if (!page.ready) return;
    const before = JSON.stringify(state);
    const leadsElsewhere = ["tab", "sampling_view", "analysis"].some(
      (name) => name in changes && written(changes[name]) !== page.value(name),
    );
    if (leadsElsewhere && !page.requests.state.pending) keepInHistory(); // else Gradio tells what the coming state says
    if (leadsElsewhere && touched) noteLink(""); // the notes were about the link
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || written(value) === queryDefaults[name]) delete state[name];
      else state[name] = written(value);
    }
    if (JSON.stringify(state) === before) return;
    updateBodyDataset();
    if ("tab" in changes) startWanted();
    clearTimeout(writing); // browsers refuse an address that changes with every frame
    writing = setTimeout(writeAddress, 200);
  },

  /**
   * The controls `names` have these `values`; a field that is being typed into may be empty.
   * @param {string[]} names
   * @param {unknown[]} values
   */
  syncControls(names, values) {
    if (page.requests.state.pending) return; // the coming state says all of them
    const texts = names.map((name, k) => /** @type {const} */ ([name, written(values[k])]));
    const changes = Object.fromEntries(texts.filter(([name, text]) => text && text !== page.value(name)));
    if (Object.keys(changes).length === 0) return;
    if (page.ready && !touched && reopened < MOST_REOPENED) {
      reopened += 1; // a late answer that belongs to an earlier state
      requestState(stateQuery());
      return;
    }
    page.isUnmodified &&= !page.ready;
    page.updateState({ ...changes, ...RUN_STATE });
    const last = Number(page.value("T")) - 1;
    if (changes.analysis === "shrinkage") {
      // It opens where there is some shrinkage, and the next view goes back to the t before.
      shareBeforeShrinkage = page.timestepShare ?? Number(page.value("t")) / last;
      page.setTimestep(Math.round(SHRINKS_AT * last), last, null);
    } else if (changes.analysis && shareBeforeShrinkage !== null) {
      const hasMoved = page.value("t") !== written(Math.round(SHRINKS_AT * last));
      if (!hasMoved) page.setTimestep(Math.round(shareBeforeShrinkage * last), last, null);
      shareBeforeShrinkage = null;
    }
  },

  /**
   * Take up what a person has drawn or uploaded.
   * @param {string} text JSON, fingerprints by name
   */
  draw(text) {
    drawings = JSON.parse(text);
    updateBodyDataset();
  },

  /** The text of a control, as a link has it. */
  value: (/** @type {string} */ name) => state[name] ?? queryDefaults[name] ?? drawings[name] ?? "",

  /** Whether the page is no longer at these settings, name → text, from which a film was made. */
  differs: (/** @type {Record<string, string>} */ settings) =>
    page.ready && Object.entries(settings).some(([name, text]) => page.value(name) !== text),

  /**
   * Move the films over t.
   * @param {number} t
   * @param {number} last the last t
   * @param {EventTarget | null} from the player that has moved by itself already
   */
  setTimestep(t, last, from) {
    page.timestepShare = t / last;
    page.updateState({ t });
    document.dispatchEvent(new CustomEvent("playground:timestep", { detail: from }));
  },

  nextEventId: () => ++events,

  /** The number of the present state: it is another one where a link, the lesson or history has led. */
  get opened() {
    return opened;
  },

  tab: () => state.tab ?? "forward",

  /**
   * The t that films over t stand at, for a schedule of T steps; null as long as nothing has moved them.
   * *Shrinkage* opens where there is some.
   * @param {number | null} T
   * @param {string} analysis
   */
  currentTimestep(T, analysis) {
    const share = page.timestepShare ?? (analysis === "shrinkage" && page.isUnmodified ? SHRINKS_AT : undefined);
    return share === undefined || T === null ? null : Math.round(share * (T - 1));
  },

  /** A player is on the page and listens: what a link asks of it can begin. */
  listening() {
    showStage();
    startWanted();
  },

  /**
   * Train.
   * @param {number | null} until number of training steps to reach; null for as long as there are snapshots to come
   */
  train(until = null) {
    const { training } = page.requests;
    const { dataset } = query(document, "#player-training .player");
    if (until === null) training.goal = {};
    training.ask(() => ({ until, again: until === null, film: dataset.run, frames: Number(dataset.frames ?? 0) }));
  },

  /**
   * Sample.
   * @param {boolean} unasked without a press: the server then leaves out what takes long
   */
  sample(unasked = false) {
    page.requests.sampling.unasked = unasked;
    page.requests.sampling.ask(() => (unasked ? { unasked } : {}));
  },

  /** A view of *Remove noise* has been chosen; its controls are on their way. */
  choose() {
    runWhenChosen = page.requests.sampling.number;
  },

  /** Sample for the view that has been chosen, unless a run of it has been started meanwhile. */
  watch() {
    if (page.requests.sampling.number === runWhenChosen) page.sample(true);
  },

  /** Show the same snapshots with another sampler; a training that is under way goes on. */
  replay() {
    const { training } = page.requests;
    const goesOn = training.running;
    training.ask(() => ({ new_film: true, train: goesOn }));
  },

  /**
   * Save a file that the server has made.
   * @param {{ url: string, orig_name?: string }} file
   */
  download(file) {
    Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name ?? "" }).click();
  },

  /**
   * Enter or leave presenter mode.
   * @param {boolean} on
   * @param {boolean} tell whether the link is to say so
   */
  present(on, tell = true) {
    page.presenting = on;
    document.body.classList.toggle("presenting", on);
    closeSheet();
    query(document, "#present").blur(); // so that the space bar is the film's
    dispatchEvent(new Event("resize")); // films are as large as fits
    if (tell) page.updateState({ present: on || null });
  },

  /**
   * Go to the state that a query names, as if the page had been opened with it.
   * @param {string} text the query
   * @param {string[]} kept parts of the present link that stay
   */
  navigate(text, kept = ["present", "hide"]) {
    const wanted = new URLSearchParams(text);
    for (const name of kept) if (state[name] && !wanted.has(name)) wanted.set(name, state[name]);
    keepInHistory();
    reopened = 0;
    requestState(wanted.toString());
  },

  /** Open the lesson, at the question where it was closed. */
  openLesson() {
    document.dispatchEvent(new CustomEvent("playground:lesson"));
  },

  link: () => `${location.origin}${location.pathname}?${stateQuery()}`,

  /**
   * Copy the link to this state.
   * @param {string[]} hidden names of controls that the link hides
   * @returns the link
   */
  async share(hidden) {
    const parts = new URLSearchParams(stateQuery());
    if (hidden.length) parts.set("hide", hidden.join(","));
    const link = `${location.origin}${location.pathname}?${parts}`;
    try {
      await navigator.clipboard.writeText(link); // there only at https: and on this computer, and not in every frame
      isCopied = true;
    } catch {
      isCopied = false;
    }
    return link;
  },

  /** Select the link in the panel, and say whether it has been copied. */
  selectLink() {
    const field = /** @type {HTMLTextAreaElement} */ (query(document, "#share-link textarea"));
    Object.assign(field, { disabled: false, readOnly: true }); // in a disabled field nothing can be selected
    field.select();
    isCopied ||= document.execCommand("copy");
    query(document, "#copied").textContent = isCopied
      ? "Copied."
      : "This browser does not let the page copy it. It is selected: press Ctrl+C or ⌘C, on a phone hold it.";
  },

  /** The names of the controls that the link in the address hides. */
  hidden: () => (state.hide ? state.hide.split(",") : []),
};

/** The state as a link has it, without values that were refused. */
function stateQuery() {
  const parts = new URLSearchParams(Object.entries(state).filter(([name]) => !isRefused(name)));
  linked.forEach((value, name) => {
    if (isReservedParam(name)) parts.append(name, value);
  });
  return parts.toString();
}

function requestState(/** @type {string} */ text) {
  page.isUnmodified = false;
  page.requests.sampling.stop();
  page.requests.training.stop();
  page.requests.state.ask(() => ({ query: text }));
}

/** Notes on the link, as text, whatever the link says. */
function noteLink(/** @type {string} */ text) {
  const note = query(document, "#link-note");
  note.textContent = text;
  note.hidden = text === "";
}

/** The state is another: style sheets and films depend on it. */
function updateBodyDataset() {
  const { analysis, sampling_view = "trajectory", init = "noise" } = state;
  const { dataset } = document.body;
  const isOtherView = dataset.analysis !== analysis || dataset.sampling_view !== sampling_view;
  Object.assign(dataset, { analysis, sampling_view, init, tab: page.tab() });
  if (isOtherView) requestAnimationFrame(scrollToChosenViews);
  document.dispatchEvent(new CustomEvent("playground:state"));
}

/** Where the choices are wider than the screen, the chosen one comes into view. */
function scrollToChosenViews() {
  for (const chosen of queryAll(document, ".segments :checked")) {
    const choices = chosen.closest(GRADIO.choices);
    if (choices) choices.scrollLeft = (chosen.parentElement?.offsetLeft ?? 0) - 80;
  }
}

/** Start the sampling or the training that the link asks for, once its tab is open and its player listens. */
function startWanted() {
  const { sampling, training } = page.requests;
  const isThere = (/** @type {import("./runs.js").Runs} */ { tab, player }) =>
    page.ready && page.tab() === tab && document.querySelector(`#${player} [data-listening]`);
  if ((sampling.wanted || sampling.anew || !sampling.number) && isThere(sampling)) page.sample(!sampling.wanted);
  if (training.wanted && isThere(training)) page.train(training.goal.train_steps ?? 0);
}

/** What is on the page stays in the browser's history; what comes next is another entry. */
function keepInHistory() {
  clearTimeout(writing);
  writeAddress();
  history.pushState(history.state, "", location.href);
}

function writeAddress() {
  history.replaceState(history.state, "", `?${stateQuery()}`);
  // On a Space the page lies in a frame, and the address bar is the outer page's.
  if (window.parent !== window) window.parent.postMessage({ queryString: stateQuery() }, "https://huggingface.co");
}

function hideControls(/** @type {string[]} */ names) {
  const style = document.querySelector("#hidden") ?? document.head.appendChild(document.createElement("style"));
  style.id = "hidden";
  const hidden = names.filter((name) => /^\w+$/.test(name)).map((name) => `:is(#control-${name}, .with-${name})`);
  if (names.includes("image")) hidden.push("#group-image"); // nothing would be left under its heading
  style.textContent = hidden.map((selector) => `${selector} { display: none !important; }`).join("\n");
}

/** The stage is seen once what stands above a film is there, with its style, or else once the link has been read. */
function showStage() {
  if (document.body.dataset.stage) return;
  const styles = /** @type {HTMLLinkElement[]} */ (queryAll(document, "link[rel=stylesheet]"));
  const isBuilt = styles.every(({ sheet }) => sheet) && document.querySelector("#stage .segments");
  if (isBuilt) document.body.dataset.stage = "built";
  else requestAnimationFrame(showStage);
}

for (const name of ["pointerdown", "keydown", "input"]) {
  document.addEventListener(
    name,
    () => {
      touched = true;
    },
    { capture: true, passive: true },
  );
}

// The rail follows the tab at once, not only after Gradio's event.
document.addEventListener(
  "click",
  ({ target }) => {
    const tab =
      target instanceof Element && /** @type {HTMLElement | null} */ (target.closest(GRADIO.tab))?.dataset.tabId;
    if (tab) page.updateState({ tab });
  },
  true,
);

// The wheel scrolls the page: over a focused number it would change that, too.
document.addEventListener(
  "wheel",
  ({ target }) => {
    const isNumber = target instanceof HTMLInputElement && target.type === "number";
    if (isNumber && target === document.activeElement) target.blur();
  },
  { passive: true },
);

addEventListener("popstate", () => {
  if (page.ready) requestState(location.search.slice(1));
});

closeOverlays(() => {
  if (page.presenting) page.present(false);
});
explainAtFields(writeAddress);

const markTab = () => {
  document.body.dataset.tab = linked.get("tab") ?? "forward";
};
if (document.body) {
  markTab();
} // Gradio may add this script late
else document.addEventListener("DOMContentLoaded", markTab);
