// The lesson's panel: shows one stop at a time, takes a guess, and then goes where the answer is to be seen.
// Gradio runs this text as the body of a function of (element, trigger, props, server, upload, watch).

const panel = element.querySelector(".lesson"), stops = [...panel.querySelectorAll("section")];

/** Open the panel at stop `number`, from 1; 0 closes it. */
function show(number, tell = true) {
  panel.hidden = number === 0;
  document.body.classList.toggle("learning", number > 0);
  stops.forEach((stop, k) => { stop.hidden = k + 1 !== number; });
  if (number) panel.scrollTop = 0;
  if (tell) playground.set({ lesson: number || null });
}

const go = (link) => playground.open(new URL(link.href).search.slice(1));

function guess(stop, button) {
  const right = button.dataset.right === "1";
  for (const each of stop.querySelectorAll(".guesses button")) {
    each.classList.toggle("right", each.dataset.right === "1");
    each.classList.toggle("wrong", each === button && !right);
    each.setAttribute("aria-pressed", each === button);
  }
  stop.querySelector(".answer").hidden = false;
  stop.querySelector(".verdict").textContent = right ? "You guessed right." : "Not so; the right guess is marked.";
  stop.querySelector(".verdict").scrollIntoView({ block: "nearest" });
  go(stop.querySelector("a"));
}

panel.addEventListener("click", (event) => {
  const stop = event.target.closest("section"), button = event.target.closest("button"), link = event.target.closest("a");
  const turn = (number) => { show(number); stops[number - 1].querySelector("h3").focus(); };
  if (link) {
    event.preventDefault();
    go(link);
  } else if (!button) return;
  else if (button.className === "close") show(0);
  else if (button.className === "back") turn(+stop.dataset.stop - 1);
  else if (button.className === "on") turn(+stop.dataset.stop + 1);
  else guess(stop, button);
});
document.addEventListener("playground-lesson", ({ detail }) => {
  const open = stops.findIndex((stop) => !stop.hidden) + 1;
  if (detail !== (panel.hidden ? 0 : open)) show(detail, false); // else it stays as it is, scrolled to the verdict
});
