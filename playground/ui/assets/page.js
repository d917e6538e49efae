// What the page keeps in the browser: the state that a link carries, and presenting.
// The names in a link are those of `Settings`; `applyServerState` gets them from the server, which has checked them.

window.playground = (() => {
  // Gradio's components take no tooltips: these are set when a pointer or the focus comes to one.
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      for (let node = target; node?.closest; node = node.parentElement) {
        if (TOOLTIPS[node.id]) { node.title = TOOLTIPS[node.id]; return; }
      }
    });
  }

  // Escape closes what lies on top: the explanation, the sheet with the controls, and then presenting.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const card = document.querySelector(".more[open]"), shared = document.querySelector("#shared button"), { classList } = document.body;
    if (card) card.open = false;
    else if (shared?.offsetParent) shared.click();
    else if (classList.contains("sheet-open")) classList.remove("sheet-open");
    else if (page.presenting) page.present(false);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    for (const card of document.querySelectorAll(".more[open]")) if (!card.contains(target)) card.open = false;
    if (document.body.classList.contains("sheet-open") && target.closest?.("#head, #learn, .lesson")) document.body.classList.remove("sheet-open");
  });

  // An explanation that is open stays so when its text is renewed, as by an answer that comes late.
  new MutationObserver((changes) => {
    for (const { target, removedNodes } of changes) {
      const wasOpen = (node) => node.matches?.(".more[open]") || node.querySelector?.(".more[open]");
      if (target.closest?.(".question") && [...removedNodes].some(wasOpen)) {
        const renewed = target.closest(".question").querySelector(".more");
        if (renewed) renewed.open = true;
      }
    }
  }).observe(document, { childList: true, subtree: true });

  const asked = new URLSearchParams(location.search);
  const isReservedParam = (name) => name.startsWith("__"); // such parts of the address are Gradio's and the host's
  let state = {};      // name → text, in the order of Settings
  let queryDefaults = {};     // name → the text that a link leaves out
  let drawn = {};      // what a person drew or uploaded → its fingerprint
  let timer = null;
  let asks = 0;
  let opened = -1;     // the number of the request for the present state
  let touched = false; // whether a person has done anything since the present state was opened
  let beforeShrinkage = null; // the share of the last t at which the films over t stood before that view
  let chosenAt = -1;   // the number of the last sampling when a view was chosen
  let reopened = 0;    // how often the present state was opened again because a late answer had changed it
  for (const name of ["pointerdown", "keydown", "input"]) {
    document.addEventListener(name, () => { touched = true; }, { capture: true, passive: true });
  }

  const SHRINKS_AT = 0.02; // a share of the last t
  const LONGEST_WAIT = 10_000, UNHEARD = 3; // milliseconds; repetitions until the page says so

  /** Numbered requests of one kind. One is on its way at a time; of those that come meanwhile the last is sent next.
   *  A request that has no answer within `firstWait` ms is sent again: its number keeps it from being carried out twice. */
  function numbered(firstWait, unheard) {
    let number = 0, details = () => ({}), send = null, onItsWay = false, started = false, waiting = null, tries = 0;

    function wait() {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        tries += 1;
        if (tries >= UNHEARD && !started) unheard(onItsWay);
        send(started ? ["input"] : ["submit", "input"]);
        wait();
      }, Math.min(LONGEST_WAIT, firstWait * 2 ** tries));
    }

    function start() {
      if (!send || onItsWay) return;
      onItsWay = true;
      started = false;
      tries = 0;
      send(["submit", "input"]); // Gradio would keep a second listener to one event waiting until the first is done
      wait();
    }

    const request = {
      get number() { return number; },
      get tries() { return tries; },
      pending: false, // whether anything more is expected of the latest request
      connect(props, trigger) {
        send = (events, more = {}) => { props.value = { number, ...details(), ...more }; events.forEach((event) => trigger(event)); };
        if (request.pending) start();
      },
      ask(what = () => ({})) {
        number += 1;
        details = what;
        request.pending = true;
        start();
      },
      /** Tell more of the latest request, which has arrived. */
      tell(more) { send(["input"], more); },
      /** The server has answered that request `n` arrived, and whether it `hasStarted`. */
      arrived(n, hasStarted = true) {
        if (n === number) started ||= hasStarted;
        if (!onItsWay) return;
        onItsWay = false;
        if (n !== number) start();
        else if (!request.pending) clearTimeout(waiting);
      },
      /** Something came that belongs to request `n`; returns whether that is the latest. */
      heard(n) {
        if (n !== number) return false;
        [started, tries] = [true, 0];
        if (request.pending) wait();
        return true;
      },
      ended(n) {
        if (n !== number) return;
        request.pending = false;
        if (!onItsWay) clearTimeout(waiting);
      },
    };
    return request;
  }

  /** Runs of one kind: the film on `player` in tab `tab`. A new run ends the one before. */
  function runs(kind, tab, player) {
    const request = numbered(1000, (unanswered) => tell(unanswered
      ? "The run has not started: the server does not answer. It is asked again."
      : "The run has not started yet: the server is busy."));
    const tell = (text) => { document.querySelector(`#${player} .run-note`).textContent = text; };
    const mark = () => { document.body.toggleAttribute(`data-${kind}`, request.pending); };
    let details = () => ({}), resumed = 0, resumedWith = 0, toldAt = 0;
    const self = {
      tab, player, request,
      goal: {},      // where in its film the link asks to be: frame, or train_steps, snapshot, generation_step; empty once there
      wanted: false, // whether the link asks for a run that has not been started
      anew: false,   // whether nothing has run since the present state was opened
      opened,        // the number of the state in which the run was asked for
      unasked: false, // whether it began without a press
      connect: request.connect,
      get number() { return request.number; },
      get running() { return request.pending; },
      ask(what = () => ({})) {
        [details, resumed, resumedWith] = [what, 0, 0];
        Object.assign(self, { wanted: false, anew: false, opened });
        tell("");
        request.ask(details);
        mark();
      },
      /** Gradio may lose an update of a film that is being made: the next one is to begin after its first `frames`. */
      lacks(frames) {
        if (performance.now() - toldAt < 300) return; // the update is on its way
        toldAt = performance.now();
        request.tell({ lacks: frames });
      },
      /** Ask for what comes after the first `frames` of a film whose run has ended. */
      resume(film, frames) {
        resumed = frames > resumedWith ? 0 : resumed + 1;
        resumedWith = frames;
        if (resumed > 20) return tell("Some frames have been lost on the way: run it again.");
        request.ask(() => ({ ...details(), new_film: false, again: false, film, frames }));
        mark();
      },
      /** A stop is a request, too: it ends the run before. */
      stop() {
        if (!request.pending) return;
        request.ask(() => ({ stop: true }));
        request.ended(request.number);
        mark();
      },
      arrived({ number, started, ended }) {
        const overdue = ended && request.pending && number === request.number && request.tries > 0;
        request.arrived(number, started);
        if (overdue) document.dispatchEvent(new CustomEvent("playground:lost", { detail: self }));
      },
      heard(n) { const latest = request.heard(n); if (latest) tell(""); return latest; },
      ended(n) { request.ended(n); mark(); },
    };
    return self;
  }

  const RUN_STATE = { frame: null, train_steps: null, snapshot: null, generation_step: null }; // of a link, as far as nothing has run

  const page = {
    isUnmodified: [...asked.keys()].every(isReservedParam), // nothing differs from the page as it was built
    ready: false,      // once the server has read the link
    presenting: false,
    timestepShare: undefined,  // of the films over t: t as a share of the last t
    requests: {
      state: numbered(3000, () => notes("The link has not opened: the server does not answer. It is asked again.")),
      sampling: runs("sampling", "sampling", "player-reverse"),
      training: runs("training", "training", "player-training"),
    },

    /** Take up what the server has read in the link: the state, its number, and a sentence for each part that is not
     *  allowed. An answer to an earlier request than the latest is dropped: the latest is on its way. */
    applyServerState(text) {
      const read = JSON.parse(text), { state: request, sampling, training } = page.requests;
      request.arrived(read.number);
      if (read.number !== request.number || read.number === opened) return;
      opened = read.number;
      request.ended(opened);
      ({ state, defaults: queryDefaults } = read);
      [drawn, touched, beforeShrinkage, page.ready] = [{}, false, null, true];
      document.body.dataset.stage = document.body.dataset.rail = "built";
      notes(read.notes.join("\n"));
      const wants = (...names) => Object.fromEntries(names.filter((name) => name in state).map((name) => [name, +state[name]]));
      Object.assign(sampling, { goal: wants("frame"), wanted: "frame" in state, anew: read.number > 0 });
      const anew = read.number > 0 && page.tab() === training.tab; // without training, too: there may have been some before
      Object.assign(training, { goal: wants("train_steps", "snapshot", "generation_step"), wanted: "train_steps" in state || anew });
      page.present(state.present === "1", false);
      hide(state.hide ?? "");
      document.dispatchEvent(new CustomEvent("playground:lesson", { detail: +(state.lesson ?? 0) }));
      if (!page.isUnmodified) page.setTimestep(+state.t, state.T - 1, null);
      document.querySelector("#another").setAttribute("aria-label", "Another picture");
      document.querySelector("#other-noise").setAttribute("aria-label", "Other noise");
      updateBodyDataset();
      if (read.number) write();
      startWanted();
    },

    /** Note what has changed; null leaves the link. */
    updateState(changes) {
      if (!page.ready) return;
      const before = JSON.stringify(state);
      const leads = ["tab", "sampling_view", "analysis"].some((name) => name in changes && written(changes[name]) !== page.value(name));
      if (leads && !page.requests.state.pending) keep(); // else Gradio tells what the state that is on its way says
      if (leads && touched) notes(""); // they were about the link
      for (const [name, value] of Object.entries(changes)) {
        if (value === null || written(value) === queryDefaults[name]) delete state[name];
        else state[name] = written(value);
      }
      if (JSON.stringify(state) === before) return;
      updateBodyDataset();
      if ("tab" in changes) startWanted();
      clearTimeout(timer); // browsers refuse an address that changes with every frame
      timer = setTimeout(write, 200);
    },

    /** The controls `names` have these `values`; a field that is being typed into may be empty. */
    syncControls(names, values) {
      if (page.requests.state.pending) return; // a state is on its way that says all of them
      const changes = names.map((name, k) => [name, written(values[k])]).filter(([name, text]) => text && text !== page.value(name));
      if (!changes.length) return;
      if (page.ready && !touched && reopened < 2) { // a late answer that belongs to an earlier state
        reopened += 1;
        requestState(query());
        return;
      }
      page.isUnmodified &&= !page.ready;
      page.updateState({ ...Object.fromEntries(changes), ...RUN_STATE });
      const { analysis } = Object.fromEntries(changes), last = page.value("T") - 1;
      if (analysis === "shrinkage") { // it opens where there is some, and goes back to where one was
        beforeShrinkage = page.timestepShare ?? page.value("t") / last;
        page.setTimestep(Math.round(SHRINKS_AT * last), last, null);
      } else if (analysis && beforeShrinkage !== null) {
        if (page.value("t") === written(Math.round(SHRINKS_AT * last))) page.setTimestep(Math.round(beforeShrinkage * last), last, null);
        beforeShrinkage = null;
      }
    },

    /** What a person has drawn or uploaded, as fingerprints by name. */
    draw(text) {
      drawn = JSON.parse(text);
      updateBodyDataset();
    },

    /** The text of a control, as a link has it. */
    value: (name) => state[name] ?? queryDefaults[name] ?? drawn[name] ?? "",

    /** Whether the page is no longer at these settings, name → text, from which a film was made. */
    differs: (settings) => page.ready && Object.entries(settings).some(([name, text]) => page.value(name) !== text),

    setTimestep(t, last, from) {
      page.timestepShare = t / last;
      page.updateState({ t });
      document.dispatchEvent(new CustomEvent("playground:timestep", { detail: from }));
    },

    nextEventId: () => ++asks,

    /** The number of the present state: it is another one where a link, the lesson or history has led. */
    get opened() { return opened; },

    tab: () => state.tab ?? "forward",

    /** The step that films over t stand at, for a schedule of T; null as long as nothing has moved them. *Shrinkage* opens
     *  where there is some. */
    currentTimestep(T, analysis) {
      const share = page.timestepShare ?? (analysis === "shrinkage" && page.isUnmodified ? SHRINKS_AT : undefined);
      return share === undefined || T === null ? null : Math.round(share * (T - 1));
    },

    /** The player with this id is on the page and listens: what a link asks of it can begin. */
    listening() {
      showStage();
      startWanted();
    },

    /** Train up to step `until`, or as far as there are snapshots to come. */
    train(until = null) {
      const { training } = page.requests, { dataset } = document.querySelector("#player-training .player");
      if (until === null) training.goal = {};
      training.ask(() => ({ until, again: until === null, film: dataset.run, frames: +(dataset.frames ?? 0) }));
    },

    /** Sample; `unasked` without a press: the server then leaves out what takes long. */
    sample(unasked = false) {
      page.requests.sampling.unasked = unasked;
      page.requests.sampling.ask(() => (unasked ? { unasked } : {}));
    },

    /** A view has been chosen; its controls are on their way. */
    choose() { chosenAt = page.requests.sampling.number; },

    /** Sample for the view that has been chosen, unless a run of it has been started meanwhile. */
    watch() { if (page.requests.sampling.number === chosenAt) page.sample(true); },

    /** The same snapshots with another sampler; a training that is under way goes on. */
    replay() {
      const { training } = page.requests, goesOn = training.running;
      training.ask(() => ({ new_film: true, train: goesOn }));
    },

    /** On a small screen and in presenter mode the controls lie in a sheet. */
    showControls() { document.body.classList.toggle("sheet-open"); },

    /** Save a file that the server has made. */
    download(file) { Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name ?? "" }).click(); },

    present(on, tell = true) {
      page.presenting = on;
      document.body.classList.toggle("presenting", on);
      document.body.classList.remove("sheet-open");
      document.querySelector("#present").blur(); // so that the space bar is the film's
      dispatchEvent(new Event("resize")); // films are as large as fits
      if (tell) page.updateState({ present: on || null });
    },

    /** Go to the state that a query names, as if the page had been opened with it; what is hidden stays hidden. */
    navigate(text, kept = ["present", "hide"]) {
      const wanted = new URLSearchParams(text);
      for (const name of kept) if (state[name] && !wanted.has(name)) wanted.set(name, state[name]);
      keep();
      reopened = 0;
      requestState(wanted.toString());
    },

    /** Open the lesson, at the stop where it was closed. */
    openLesson() { document.dispatchEvent(new CustomEvent("playground:lesson")); },

    link: () => location.origin + location.pathname + "?" + query(),

    /** The link to this state, copied; `hidden` are the names of controls that it hides from the class. */
    async share(hidden) {
      const parts = new URLSearchParams(query());
      if (hidden.length) parts.set("hide", hidden.join(","));
      const link = `${location.origin}${location.pathname}?${parts}`;
      try { await navigator.clipboard.writeText(link); } catch { /* not allowed here: the link can be read and scanned */ }
      return link;
    },

    /** What the link in the address hides already. */
    hidden: () => (state.hide ? state.hide.split(",") : []),
  };

  const written = (value) => (value === null ? "" : typeof value === "boolean" ? String(+value) : String(value));

  /** The state as a link has it, without values that were refused. */
  function query() {
    const parts = new URLSearchParams(Object.entries(state).filter(([name]) => !document.querySelector(`#control-${name}.refused`)));
    asked.forEach((value, name) => { if (isReservedParam(name)) parts.append(name, value); });
    return parts.toString();
  }

  function requestState(text) {
    page.isUnmodified = false;
    for (const kind of ["sampling", "training"]) page.requests[kind].stop();
    page.requests.state.ask(() => ({ query: text }));
  }

  addEventListener("popstate", () => { if (page.ready) requestState(location.search.slice(1)); });

  function notes(text) {
    const note = document.querySelector("#link-note");
    note.textContent = text; // text, whatever a link says
    note.hidden = text === "";
  }

  /** The state is another: style sheets and films go by it. */
  function updateBodyDataset() {
    const { analysis, sampling_view = "trajectory", init = "noise" } = state, { dataset } = document.body;
    const isOther = dataset.analysis !== analysis || dataset.sampling_view !== sampling_view;
    Object.assign(dataset, { analysis, sampling_view, init, tab: page.tab() });
    if (isOther) requestAnimationFrame(() => { // where the choices are wider than the screen
      for (const chosen of document.querySelectorAll(".segments :checked")) chosen.closest(".wrap").scrollLeft = chosen.parentElement.offsetLeft - 80;
    });
    document.dispatchEvent(new CustomEvent("playground:state"));
  }

  /** Start the sampling or the training that the link asks for, once its tab is open and its player listens. */
  function startWanted() {
    const { sampling, training } = page.requests;
    const isThere = ({ tab, player }) => page.ready && page.tab() === tab && document.querySelector(`#${player} [data-listening]`);
    if ((sampling.wanted || sampling.anew || !sampling.number) && isThere(sampling)) page.sample(!sampling.wanted);
    if (training.wanted && isThere(training)) page.train(training.goal.train_steps ?? 0);
  }

  /** What is on the page stays in the browser's history; what comes next is another entry. */
  function keep() {
    clearTimeout(timer);
    write();
    history.pushState(history.state, "", location.href);
  }

  function write() {
    history.replaceState(history.state, "", "?" + query());
    // On a Space the page lies in a frame, and the address bar is the outer page's.
    if (window.parent !== window) window.parent.postMessage({ queryString: query() }, "https://huggingface.co");
  }

  function hide(names) {
    const style = document.querySelector("#hidden") ?? document.head.appendChild(document.createElement("style"));
    style.id = "hidden";
    const hidden = names.split(",").filter((name) => /^\w+$/.test(name)).map((name) => `:is(#control-${name}, .with-${name})`);
    if (/\bimage\b/.test(names)) hidden.push("#group-image"); // nothing would be left under its head
    style.textContent = hidden.map((selector) => `${selector} { display: none !important; }`).join("\n");
  }

  // The rail follows the tab at once, not only after Gradio's event.
  document.addEventListener("click", ({ target }) => {
    const tab = target.closest?.("[role=tab]")?.dataset.tabId;
    if (tab) page.updateState({ tab });
  }, true);

  // A swipe down closes the sheet with the controls.
  let touchedAt = null;
  document.addEventListener("touchstart", ({ target, touches }) => {
    const rail = target.closest?.("#rail");
    touchedAt = rail?.scrollTop === 0 && !target.closest("input, canvas") ? touches[0].clientY : null;
  }, { passive: true });
  document.addEventListener("touchend", ({ changedTouches }) => {
    if (touchedAt !== null && changedTouches[0].clientY - touchedAt > 60) document.body.classList.remove("sheet-open");
  }, { passive: true });

  /** A refused value is explained at its field, by the field's own name; without a field in sight it stays a toast. */
  function tellAtField(message) {
    const text = message.textContent.trim(), [, name, rest] = text.match(/^(\w+) (must .*)$/s) ?? [];
    if (message.dataset.explained === text) return;
    const control = name && document.querySelector(`#control-${name}`), field = control?.querySelector("input, select");
    if (!control?.checkVisibility({ visibilityProperty: true })) return; // the sheet with the controls may be closed
    const refused = text.match(/it was (.+)\.$/)?.[1].replaceAll(",", "");
    if (field?.type === "number" && refused && refused !== (field.value || "empty") && +refused !== +field.value) {
      message.dataset.explained = text; // the field has another value by now
      return;
    }
    const label = control.querySelector("[data-testid=block-info]")?.textContent.trim() || name;
    (control.matches(".line") ? control.parentElement : control).querySelector(".error-at-field")?.remove();
    const note = Object.assign(document.createElement("p"), { className: "error-at-field", textContent: `${name === "image" ? "Picture" : label} ${rest}` });
    const line = field?.closest(".line"); // whose row is full
    if (line) line.after(note);
    else control.append(note);
    note.setAttribute("role", "alert");
    control.classList.add("refused");
    write();
    const clear = () => { note.remove(); control.classList.remove("refused"); };
    control.addEventListener("input", clear, { once: true });
    control.addEventListener("click", ({ target }) => { if (target !== field) clear(); }, { once: true });
    if (document.activeElement.matches("body, button")) field?.focus(); // else something is being typed elsewhere
    message.dataset.explained = text; // the style sheet hides it
  }
  new MutationObserver((_, observer) => { // Gradio makes the place for messages once, and one toast for all that are there
    const wrap = document.querySelector(".toast-wrap");
    if (!wrap) return;
    observer.disconnect();
    const tell = () => wrap.querySelectorAll(".toast-message-item").forEach(tellAtField);
    new MutationObserver(tell).observe(wrap, { childList: true, subtree: true });
    tell();
  }).observe(document, { childList: true, subtree: true });

  /** The stage is seen once what stands above a film is there, with its style, or else once the link has been read. */
  function showStage() {
    if (document.body.dataset.stage) return;
    const styles = [...document.querySelectorAll("link[rel=stylesheet]")];
    if (styles.every(({ sheet }) => sheet) && document.querySelector("#stage .segments")) document.body.dataset.stage = "built";
    else requestAnimationFrame(showStage);
  }

  const markTab = () => { document.body.dataset.tab = asked.get("tab") ?? "forward"; };
  if (document.body) markTab(); // Gradio may add this script late
  else document.addEventListener("DOMContentLoaded", markTab);
  return page;
})();
