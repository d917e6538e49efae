// The lesson's panel: shows one stop at a time, takes a guess, and then goes where the answer is to be seen.
// Gradio runs this text as the body of a function of (element, trigger, props, server, upload, watch).

const panel = element.querySelector(".lesson"), stops = [...panel.querySelectorAll("section")];

let last = 1; // the stop that is open, or was before it was closed

/** Open the panel at stop `number`, from 1; 0 closes it. */
function show(number, tell = true) {
  panel.hidden = number === 0;
  document.body.classList.toggle("lesson-open", number > 0);
  stops.forEach((stop, k) => { stop.hidden = k + 1 !== number; });
  if (number) {
    last = number;
    panel.scrollTop = 0;
    setHeight("half");
  }
  if (tell) playground.updateState({ lesson: number || null });
}

const go = (link) => playground.navigate(new URL(link.href).search.slice(1));

const HEIGHTS = { peek: ["half", "Read on"], half: ["full", "Larger"], full: ["half", "Smaller"] }; // the next, and its name

/** On a small screen the panel is a sheet: a peek, half of the screen, or all of it. */
function setHeight(height) {
  panel.dataset.height = height;
  for (const button of panel.querySelectorAll(".height")) button.textContent = HEIGHTS[height][1];
  if (height === "peek") panel.scrollTop = 0;
}
setHeight("half");

function guess(stop, button) {
  const right = button.dataset.right === "1";
  for (const each of stop.querySelectorAll(".guesses button")) {
    each.classList.toggle("right", each.dataset.right === "1");
    each.classList.toggle("wrong", each === button && !right);
    each.setAttribute("aria-pressed", each === button);
  }
  stop.querySelector(".answer").hidden = false;
  stop.querySelector(".verdict").textContent = right ? "You guessed right." : "Not so; the right guess is marked.";
  stop.querySelector(".where").textContent = `${stop.dataset.stop} of ${stops.length} · ${right ? "right" : "not so"}`;
  stop.querySelector(".verdict").scrollIntoView({ block: "nearest" });
  if (innerWidth <= 1000) setHeight("peek"); // so that the answer is seen in the playground first
  go(stop.querySelector("a"));
}

panel.addEventListener("click", (event) => {
  const stop = event.target.closest("section"), button = event.target.closest("button"), link = event.target.closest("a");
  const goToQuestion = (number) => { show(number); stops[number - 1].querySelector("h3").focus(); };
  if (link) {
    event.preventDefault();
    go(link);
  } else if (!button) return;
  else if (button.className === "height") {
    setHeight(HEIGHTS[panel.dataset.height][0]);
    if (!stop.querySelector(".answer").hidden) stop.querySelector(".verdict").scrollIntoView({ block: "start" });
  }
  else if (button.className === "close") show(0);
  else if (button.className === "back") goToQuestion(+stop.dataset.stop - 1);
  else if (button.className === "on") goToQuestion(+stop.dataset.stop + 1);
  else guess(stop, button);
});
document.addEventListener("playground:lesson", ({ detail }) => {
  if (detail === null) return show(last);
  const open = stops.findIndex((stop) => !stop.hidden) + 1;
  if (detail !== (panel.hidden ? 0 : open)) show(detail, false); // else it stays as it is, scrolled to the verdict
});
