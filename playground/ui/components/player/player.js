// Player: shows the frames of a film, its numbers and its charts, and moves through them without a request.
// A film of planes has a second way to move: each of its frames has places, from noise to data.

import { page } from "../../assets/page.js";
import { query, queryAll } from "../../assets/dom.js";
import { GRADIO } from "../../assets/gradio_dom.js";
import { buildCharts } from "./charts.js";
import { addPiece, bytes, decodeFilm, lastGenerationStep, nearestFrame, numberOf } from "./film.js";
import { buildFilmstrip, markFilmstrip } from "./filmstrip.js";
import { fit } from "./layout.js";
import { buildPanels, buildSkeleton, drawPanel, updatePanels } from "./panels.js";
import { buildReadout, toggleAllNumbers } from "./readout.js";
import { encodeFilm } from "./saving.js";
import { createTransport } from "./transport.js";
import { isHidden } from "./view.js";

/** @typedef {import("./film.js").FilmPiece} FilmPiece */
/** @typedef {import("./film.js").RunEnd} RunEnd */
/** @typedef {import("./panels.js").FilmView} FilmView */
/** @typedef {import("./transport.js").Transport} Transport */

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Start a player in its component.
 * @param {import("../../assets/gradio_dom.js").GradioComponent} component
 */
export function mountPlayer({ element, props, server, watch }) {
  const root = query(element, ".player");
  const kind = root.dataset.runs;
  /** @type {import("./view.js").PlayerView} */
  const view = {
    element,
    root,
    stage: query(root, ".panels"),
    noiseColours: bytes(root.dataset.colours ?? ""),
    runs: kind === "sampling" || kind === "training" ? page.requests[kind] : null,
    film: null,
    frame: 0,
    generationStep: 0,
  };
  const { stage, runs } = view;
  let isFollowing = false; // while frames still arrive: show each as it comes
  let lastDrawn = ""; // frame and place that the canvases show
  let laidOutWidth = 0; // the width that all was laid out for; 0 while the tab is hidden
  /** @type {(() => void)[]} */
  let redrawCharts = []; // bring the charts to the present frame
  let redrawReadout = () => {};

  const filmView = () => /** @type {FilmView} */ (view);
  const lastFrame = () => (view.film?.labels.length ?? 0) - 1;
  const lastStep = () => lastGenerationStep(view.film);
  const isStale = () => root.classList.contains("is-stale");

  // --- pieces as they come --------------------------------------------------------------------------------------

  function onFilmPieces(/** @type {string | null} */ text) {
    if (text) JSON.parse(text).pieces.forEach(onFilmPiece);
  }

  /** Take a piece into the film on show, or begin another film with it. */
  function onFilmPiece(/** @type {FilmPiece | RunEnd} */ piece) {
    const { film } = view;
    const { request, run } = piece;
    const isLatest = request === undefined || Boolean(runs?.heard(request));
    const isReplaced = run !== undefined && film?.run !== undefined && run < film.run;
    if ((!isLatest && kind === "sampling") || isReplaced) return;
    const have = film && run !== undefined && run === film.run ? film.labels.length : 0;
    if ("ended" in piece) onRunEnd(piece, isLatest, have);
    else if (piece.start === 0 && (have === 0 || piece.stays)) startFilm(piece);
    else if (film && piece.start === have && run === film.run) appendPiece(piece);
    else if (isLatest && piece.start > have) {
      if (request === undefined) runs?.resume(run, have);
      else runs?.lacks(have);
    }
  }

  /**
   * @param {RunEnd} piece
   * @param {boolean} isLatest whether it ends the latest request
   * @param {number} have how many of its film's frames are here
   */
  function onRunEnd({ request, run, frames = 0, stays, x_T }, isLatest, have) {
    runs?.ended(request);
    if (!isLatest) return;
    if (x_T !== undefined) waitForPress(x_T);
    if (have < frames || (stays && !view.film?.stays)) runs?.resume(run, have);
    else if (have) onFilmComplete(); // also where all frames were here before the run began
  }

  /** Nothing has run: empty boxes, the first with the noise that a run would start with. */
  function waitForPress(/** @type {string} */ x_T) {
    if (view.film) {
      frameTransport.pause();
      view.film = null;
      redrawCharts = [];
      for (const name of ["heads", "filmstrip", "formulas", "numbers", "remark", "charts"]) {
        query(root, `.${name}`).replaceChildren();
      }
      query(root, ".frames").classList.remove("has-filmstrip");
      query(root, ".frames output").textContent = "";
      for (const name of ["all-numbers", "colorbar"]) query(root, `.${name}`).hidden = true;
      for (const name of ["run", "frames"]) delete root.dataset[name];
      stage.classList.remove("one-badge", "has-coefficients", "wrapped");
      markStale();
      showSkeleton();
    }
    if (x_T) query(stage, ".skeleton > div").style.background = `url(${x_T}) center / contain`;
  }

  function startFilm(/** @type {FilmPiece} */ piece) {
    const before = view.film;
    setEmpty(false);
    isFollowing = false;
    const isOtherShape =
      !before || JSON.stringify([before.panels, before.size]) !== JSON.stringify([piece.panels, piece.size]);
    // Within a state of the page the place stays.
    const keepsPlace = before?.places && piece.places && before.opened === page.opened;
    const goesOn = piece.stays && before?.run === piece.run && frameTransport.playing;
    frameTransport.pause();
    stepTransport?.pause();
    const film = decodeFilm(piece, page.opened);
    view.film = film;
    root.dataset.run = String(piece.run ?? "");
    root.dataset.frames = String(film.labels.length);
    markStale();
    if (!keepsPlace) view.generationStep = Math.min(runs?.goal.generation_step ?? Infinity, lastStep());
    if (isOtherShape) {
      leaveZoom();
      buildPanels(filmView(), zoom);
    }
    buildFilmstrip(filmView(), frameTransport.seekByUser);
    redrawReadout = buildReadout(filmView());
    if (film.places) generationTransport().setEndLabels(film.places.ends);
    fit(view);
    redrawCharts = buildCharts(view);
    frameTransport.setEndLabels(film.ends);
    query(root, ".said").textContent = "";
    isFollowing = film.labels.length < film.total;
    const first = isFollowing || film.sync || film.places ? 0 : lastFrame();
    if (film.sync && page.timestepShare !== undefined) show(nearestFrame(film, page.timestepShare), false);
    else show(Math.min(film.stays ? view.frame : (film.at ?? first), lastFrame()), film.places !== undefined);
    draw(true);
    if (!isFollowing) onFilmComplete();
    if (goesOn) frameTransport.toggle();
  }

  function appendPiece(/** @type {FilmPiece} */ piece) {
    const { film } = filmView();
    addPiece(film, piece);
    root.dataset.frames = String(film.labels.length);
    if (piece.follow && piece.start) isFollowing = true; // a training that had stopped goes on
    const isOfThisState = piece.request === undefined || runs?.opened === page.opened;
    if (isFollowing) show(Math.min(lastFrame(), goalFrame()), film.places !== undefined && isOfThisState);
    if (film.labels.length === film.total) onFilmComplete();
  }

  function onFilmComplete() {
    const isUnasked = isFollowing && runs?.unasked && runs.goal.frame === undefined;
    isFollowing = false;
    if (runs) seekToLinkedFrame(runs);
    if (isUnasked && !reducedMotion.matches) frameTransport.toggle(); // it was complete before anybody could look
  }

  /** A film says from which settings it was made: where the page is at others by now, it is marked. A film over t is
   *  dimmed until that of the chosen view has come. */
  function markStale() {
    const { film } = view;
    const isWaiting = page.ready && film?.analysis !== undefined && film.analysis !== page.value("analysis");
    root.classList.toggle("is-waiting", isWaiting);
    root.classList.toggle("is-stale", film?.settings !== undefined && page.differs(film.settings));
    query(root, ".stale").hidden = !isStale();
  }

  // --- drawing --------------------------------------------------------------------------------------------------

  /** Bring everything to the present frame; unless `again`, only if another is drawn. */
  function draw(again = false) {
    const { film, frame, generationStep } = view;
    const now = `${frame} ${generationStep}`;
    if (!film || (!again && lastDrawn === now) || isHidden(view)) return; // hidden: drawn when it is shown
    lastDrawn = now;
    const label = film.labels[frame];
    const place = film.places?.labels[generationStep];
    updatePanels(filmView(), place === undefined ? label : `${label}, ${place}`);
    redrawReadout();
    redrawCharts.forEach((redraw) => redraw());
    markFilmstrip(filmView());
    frameTransport.update(label);
    if (place !== undefined) stepTransport?.update(place);
  }

  function relayOut() {
    fit(view);
    if (!view.film) return;
    buildFilmstrip(filmView(), frameTransport.seekByUser);
    redrawCharts = buildCharts(view);
    draw(true);
  }

  /** One panel fills the place of the film, until Escape or another click. */
  function zoom(/** @type {number} */ p) {
    if (leaveZoom()) return relayOut();
    stage.classList.add("zoomed");
    stage.children[p].classList.add("zoom");
    relayOut();
  }

  /** Returns whether a panel was enlarged. */
  function leaveZoom() {
    const wasZoomed = stage.classList.contains("zoomed");
    stage.classList.remove("zoomed");
    stage.querySelector(".zoom")?.classList.remove("zoom");
    return wasZoomed;
  }

  function showSkeleton() {
    if (kind === "training") generationTransport(); // its films have places
    setEmpty(true);
    buildSkeleton(view);
    fit(view);
  }

  function setEmpty(/** @type {boolean} */ isEmpty) {
    root.classList.toggle("empty", isEmpty);
    for (const each of queryAll(root, "button, input, select")) each.toggleAttribute("disabled", isEmpty);
  }

  // --- moving ---------------------------------------------------------------------------------------------------

  /**
   * Go to frame `i`.
   * @param {number} i
   * @param {boolean} tell whether the page is to know: a link names the frame, and films over t share their t
   */
  function show(i, tell = true) {
    view.frame = Math.max(0, Math.min(i, lastFrame()));
    if (tell) publishPosition();
    draw();
  }

  function showGenerationStep(/** @type {number} */ i) {
    view.generationStep = Math.max(0, Math.min(i, lastStep()));
    publishPosition();
    draw();
  }

  function publishPosition() {
    const { film, frame, generationStep } = filmView();
    if (film.sync) {
      const t = numberOf(film, "t").values;
      page.setTimestep(t[frame], t[t.length - 1], element);
    } else if (film.places) {
      if (runs?.goal.train_steps !== undefined) return; // on the way to where a link leads
      const steps = numberOf(film, "step").values;
      page.updateState({
        train_steps: steps[steps.length - 1] || null,
        snapshot: frame === steps.length - 1 ? null : steps[frame],
        generation_step: generationStep === lastStep() ? null : generationStep,
      });
    } else if (film.labels.length === film.total && !isStale()) page.updateState({ frame });
  }

  /** The frame of a sampling that the link asks for: what arrives is followed that far. */
  const goalFrame = () => (view.film?.places ? Infinity : (runs?.goal.frame ?? Infinity));

  /** Once all frames are here: go to the one that the link asks for. */
  function seekToLinkedFrame(/** @type {import("../../assets/runs.js").Runs} */ { goal }) {
    const { film } = filmView();
    if (film.places && goal.train_steps === undefined) return;
    if (runs) runs.goal = {};
    // The first film may have come before the link was read.
    if (film.places) view.generationStep = Math.min(goal.generation_step ?? Infinity, lastStep());
    const wanted = film.places ? goal.snapshot : goal.frame;
    if (wanted === undefined) show(film.places ? lastFrame() : view.frame);
    else frameTransport.seekByUser(film.places ? Math.max(0, numberOf(film, "step").values.indexOf(wanted)) : wanted);
  }

  const speed = /** @type {HTMLSelectElement} */ (query(root, ".extras select"));
  const loop = /** @type {HTMLInputElement} */ (query(root, ".loop input"));
  const playback = {
    speed: () => Number(speed.value),
    isLooping: () => loop.checked,
    hasReducedMotion: () => reducedMotion.matches,
  };
  const frameTransport = createTransport(
    query(root, ".frames"),
    { last: lastFrame, count: () => view.film?.total ?? 0, position: () => view.frame, go: show, onPlay, onSeek },
    playback,
  );
  /** @type {Transport | null} */
  let stepTransport = null; // a film with places brings it

  function generationTransport() {
    if (!stepTransport) {
      const template = /** @type {HTMLTemplateElement} */ (query(root, "template"));
      const row = query(/** @type {DocumentFragment} */ (template.content.cloneNode(true)), ".places");
      query(root, ".frames").after(row);
      const track = {
        last: lastStep,
        count: () => lastStep() + 1,
        position: () => view.generationStep,
        go: showGenerationStep,
      };
      stepTransport = createTransport(row, { ...track, onPlay, onSeek }, playback);
    }
    return stepTransport;
  }

  function onPlay() {
    isFollowing = false;
  }

  /** What a person does by hand ends the way to where a link leads. */
  function onSeek() {
    isFollowing = false;
    if (runs) runs.goal = {};
  }

  /** The keys, and those of a clicker, work on the whole page; a field, a list and a button keep their own. */
  function onKey(/** @type {KeyboardEvent} */ event) {
    const { target, key } = event;
    if (isHidden(view) || event.defaultPrevented || !(target instanceof Element)) return;
    if (key === "Escape" && leaveZoom()) {
      event.preventDefault();
      return relayOut();
    }
    if (!view.film || event.ctrlKey || event.metaKey || event.altKey || keepsKey(target, key)) return;
    const along = (target.closest(".places") && stepTransport) || frameTransport;
    /** @type {Record<string, (() => void) | undefined>} */
    const moves = {
      ArrowLeft: along.previous,
      ArrowRight: along.next,
      PageUp: along.pageBack,
      PageDown: along.pageForward,
      Home: () => along.seekByUser(0),
      End: () => along.seekByUser(Infinity),
      " ": along.toggle,
      ...(view.film.places && { ArrowDown: stepTransport?.previous, ArrowUp: stepTransport?.next }),
    };
    const move = moves[key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  /**
   * Whether an element needs a key itself.
   * @param {Element} target
   * @param {string} key
   */
  function keepsKey(target, key) {
    const isPaging = ["PageUp", "PageDown"].includes(key); // of a clicker
    if (root.contains(target) && target.matches("input[type=range]")) return !isPaging && key !== " ";
    if (target.matches("input:is([type=radio], [type=checkbox])")) return !isPaging;
    if (target.closest("input, select, textarea, [role=listbox], [role=combobox], [contenteditable]")) return true;
    if (target.closest(GRADIO.tab)) return ["Home", "End", "ArrowLeft", "ArrowRight", " "].includes(key);
    return key === " " && target.closest("button, summary") !== null;
  }

  async function onSave(/** @type {MouseEvent} */ { target }) {
    const { film, generationStep } = view;
    const saveKind = target instanceof HTMLElement && target.dataset.kind;
    if (!film || !saveKind) return;
    const said = query(root, ".said");
    said.textContent = "…";
    try {
      const file = await encodeFilm(/** @type {"png"} */ (saveKind), {
        film,
        generationStep,
        drawPanel: (canvas, p, i) => drawPanel(canvas, filmView(), p, i),
        link: () => (isStale() ? null : page.link()),
        encode: server.encode,
      });
      const url = URL.createObjectURL(file);
      const name = element.closest("[id^=player]")?.id ?? "film";
      Object.assign(document.createElement("a"), { href: url, download: `${name}.${saveKind}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      said.textContent = "saved";
    } catch (error) {
      said.textContent = `It could not be saved: ${error instanceof Error ? error.message : error}`;
    }
  }

  document.addEventListener("keydown", onKey, true);
  document.addEventListener("playground:timestep", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    const share = page.timestepShare;
    if (view.film?.sync && share !== undefined && detail !== element) show(nearestFrame(view.film, share), false);
  });
  document.addEventListener("playground:state", markStale);
  document.addEventListener("playground:lost", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    if (detail === runs) runs?.resume(view.film?.run, view.film?.labels.length ?? 0);
  });
  addEventListener("resize", relayOut);
  query(root, ".save").addEventListener("click", onSave);
  query(root, ".all-numbers").addEventListener("click", () => {
    toggleAllNumbers(root);
    relayOut();
  });
  query(root, ".again").addEventListener("click", () => page.sample());
  new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - laidOutWidth) < 1) return;
    laidOutWidth = contentRect.width;
    relayOut();
    if (view.film?.places && laidOutWidth) publishPosition(); // it may have changed while it was hidden
  }).observe(element); // also when a hidden tab is shown

  watch("film", () => onFilmPieces(props.film));
  root.dataset.listening = ""; // updates before this are not seen
  const first = page.isUnmodified ? props.film : null; // what the page was built with, as long as it holds
  if (!first) showSkeleton();
  onFilmPieces(first);
  page.listening();
}
