// What the page keeps in the browser: the state that a link carries, and presenting.
// The names in a link are those of `Settings`; `playground.begin` gets them from the server, which has checked them.

window.playground = (() => {
  // Gradio's buttons, tabs and folded parts take no tooltips: these are set when a pointer or the focus comes to one.
  const tooltips = {
    learn: "Eight questions to guess, each answered by the playground itself",
    share: "Copy a link to exactly this, and show its code",
    present: "Larger type, fewer controls; the arrow keys and a clicker step; Escape leaves",
    another: "A picture of the data, at random",
    upload: "A picture of yours: its middle square, scaled to the network's size",
    "other-noise": "Another seed, at random",
    choose: "Sixty pictures of the data, and a pad to draw on",
    "tab-forward-button": "How does a picture become noise?",
    "tab-prediction-button": "How can random noise be found?",
    "tab-reverse-button": "How does noise become a picture?",
    "tab-training-button": "Can random noise be learned?",
    train: "From where it stands, up to 2,000 steps",
    "pause-training": "The network stays as it is",
    "one-step": "One batch, one nudge to the weights",
    "reset-training": "Forget everything, and begin from the same seed",
    schedules: "Four schedules, drawn beside each other",
    bound: "Ask the network at every step, and add up what each is off by",
    "run-training": "Execute the four lines on this picture, at this t, with this noise",
    run: "Sample, from noise to pictures, as it is set above",
    elsewhere: "From a picture in place of noise, around a part that is kept, from one noise to another",
    "every-step": "Sampled again with the same seed: x_t, ε̂ and x̂_0 of every step, and the levels, for numpy",
    "show-code": "Torch and diffusers alone, to the same pictures",
    stop: "Stop sampling; the steps so far stay",
    card: "Data, licence, size, error and samples",
  };
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      const button = target.closest?.("button"), about = tooltips[button?.id] ?? tooltips[button?.parentElement.id];
      if (about) button.title = about;
    });
  }

  // What is on show is that of the last run: where the settings have changed since, it says so.
  let wasStale = false; // when a run was asked for of which nothing is on show yet
  document.addEventListener("click", ({ target, isTrusted }) => {
    if (!target.closest?.("#run")) return;
    wasStale = "stale" in document.body.dataset;
    delete document.body.dataset.stale;
    const player = document.querySelector("#player-reverse");
    if (isTrusted && player.getBoundingClientRect().top > innerHeight * .6) player.scrollIntoView({ block: "center" });
  });

  document.addEventListener("keydown", ({ key }) => { if (key === "Escape" && page.presenting) page.present(false); });

  const asked = new URLSearchParams(location.search);
  const isHosts = (name) => name.startsWith("__"); // such parts of the address are Gradio's and the host's
  let state = {};      // name → text, in the order of Settings
  let unsaid = {};     // name → the text that a link leaves out
  let timer = null;
  let asks = 0;
  let runTo = {};      // of what runs: the frame of the sampling, and how far the training, that the link asks for

  const runs = { frame: null, trained: null, moment: null, place: null }; // as far as nothing has run

  const page = {
    pristine: [...asked.keys()].every(isHosts), // nothing differs from the page as it was built
    ready: false,      // once the server has read the link
    presenting: false,
    place: undefined,  // of the films over t: t as a share of the last t

    /** Take up what the server has read in the link: the state, and a sentence for each part that is not allowed. */
    begin(text) {
      const read = JSON.parse(text), note = document.querySelector("#link-note");
      ({ state, unsaid } = read);
      page.ready = true;
      mark();
      note.textContent = read.notes.join("\n"); // text, whatever a link says
      note.hidden = read.notes.length === 0;
      runTo = Object.fromEntries(Object.keys(runs).filter((name) => name in state).map((name) => [name, +state[name]]));
      page.present(state.present === "1", false);
      hide(state.hide ?? "");
      document.dispatchEvent(new CustomEvent("playground-lesson", { detail: +(state.lesson ?? 0) }));
      if (!page.pristine) page.moveTo(+state.t, state.T - 1, null);
      run();
      if (!page.wanted) return;
      write();
      document.querySelector("[role=tablist]").scrollIntoView(); // the bench is known by then
    },

    /** Note what has changed; null leaves the link. */
    set(changes) {
      if (!page.ready) return;
      const before = JSON.stringify(state);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null || written(value) === unsaid[name]) delete state[name];
        else state[name] = written(value);
      }
      if (JSON.stringify(state) === before) return;
      mark();
      clearTimeout(timer); // browsers refuse an address that changes with every frame
      timer = setTimeout(write, 200);
    },

    /** The controls `names` have these `values`; a field that is being typed into may be empty. */
    follow(names, values) {
      const changes = names.map((name, k) => [name, written(values[k])]).filter(([name, text]) => text && text !== (state[name] ?? unsaid[name]));
      // What was sampled before is not what would be sampled now.
      if (!changes.length) return;
      page.pristine &&= !page.ready;
      if (page.ready) {
        runTo = {};
        if (changes.some(([name]) => name !== "way" && name !== "look")) document.body.dataset.stale = "";
      }
      page.set({ ...Object.fromEntries(changes), ...runs });
    },

    moveTo(t, last, from) {
      page.place = t / last;
      page.set({ t });
      document.dispatchEvent(new CustomEvent("playground-place", { detail: from }));
    },

    asked: () => ++asks,

    /** A run is on show now. */
    shown() { wasStale = false; },

    /** A run was refused: what is on show is still the one before. */
    refused() { if (wasStale) document.body.dataset.stale = ""; },

    tab: () => state.tab ?? "forward",

    /** The step that films over t stand at, for a schedule of T; null as long as nothing has moved them. */
    step: (T) => (page.place === undefined || T === null ? null : Math.round(page.place * (T - 1))),

    /** Where in a run the link asks to be: `aim` as long as nobody got there, `take` once; undefined where it does not. */
    aim: (name) => runTo[name],
    take(name) {
      const value = runTo[name];
      delete runTo[name];
      return value;
    },

    present(on, tell = true) {
      page.presenting = on;
      document.body.classList.toggle("presenting", on);
      if (tell) page.set({ present: on || null });
    },

    /** Go to the state that a query names, as if the page had been opened with it; what is hidden stays hidden. */
    open(text) {
      const wanted = new URLSearchParams(text);
      for (const name of ["present", "hide"]) if (state[name] && !wanted.has(name)) wanted.set(name, state[name]);
      page.pristine = false;
      page.wanted = wanted.toString();
      document.querySelector("#go").click();
    },

    learn(number) { document.dispatchEvent(new CustomEvent("playground-lesson", { detail: number })); page.set({ lesson: number }); },

    link: () => location.origin + location.pathname + "?" + query(),

    async share() {
      const link = page.link();
      try { await navigator.clipboard.writeText(link); } catch { /* not allowed here: the link can be read and scanned */ }
      return link;
    },
  };

  const written = (value) => (value === null ? "" : typeof value === "boolean" ? String(+value) : String(value));

  function query() {
    const parts = new URLSearchParams(state);
    asked.forEach((value, name) => { if (isHosts(name)) parts.append(name, value); });
    return parts.toString();
  }

  /** What style sheets go by. */
  function mark() {
    const { look, view = "run", start = "noise" } = state;
    Object.assign(document.body.dataset, { look, view, start, tab: page.tab() });
  }

  /** Run the sampling or the training that the link asks for, as soon as its tab is open and its player listens. */
  function run() {
    const name = ["frame", "trained"].find((each) => each in runTo);
    if (!name) return;
    const [button, player] = name === "frame" ? ["#run", "#player-reverse"] : ["#train", "#player-training"];
    const there = document.querySelector(button)?.offsetParent && document.querySelector(`${player} [data-listening]`);
    if (there) document.querySelector(button).click();
    else setTimeout(run, 200);
  }

  function write() {
    history.replaceState(history.state, "", "?" + query());
    // On a Space the page lies in a frame, and the address bar is the outer page's.
    if (window.parent !== window) window.parent.postMessage({ queryString: query() }, "https://huggingface.co");
  }

  function hide(names) {
    const style = document.querySelector("#hidden") ?? document.head.appendChild(document.createElement("style"));
    style.id = "hidden";
    style.textContent = names.split(",").filter((name) => /^\w+$/.test(name))
      .map((name) => `:is(#control-${name}, .with-${name}) { display: none !important; }`).join("\n");
  }

  return page;
})();
