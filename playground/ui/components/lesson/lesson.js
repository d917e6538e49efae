// Lesson panel: shows one question at a time, takes a guess, and goes where the answer can be seen.

import { query, queryAll } from "../../assets/dom.js";
import { page } from "../../assets/page.js";

/** On a small screen the panel is a sheet. By height: the next height, and the name of the button that leads there. */
const HEIGHTS = /** @type {const} */ ({
  peek: ["half", "Read on"],
  half: ["full", "Larger"],
  full: ["half", "Smaller"],
});

/**
 * Start the lesson in its component.
 * @param {import("../../assets/gradio_dom.js").GradioComponent} component
 */
export function mountLesson({ element }) {
  const panel = query(element, ".lesson");
  const questions = queryAll(panel, "section");
  let last = 1; // the question that is open, or was before the panel was closed
  /** @type {keyof typeof HEIGHTS} */
  let height = "half";

  /**
   * Open the panel.
   * @param {number} number the question, from 1; 0 closes the panel
   * @param {boolean} tell whether the link is to name it
   */
  function show(number, tell = true) {
    panel.hidden = number === 0;
    document.body.classList.toggle("lesson-open", number > 0);
    questions.forEach((question, k) => {
      question.hidden = k + 1 !== number;
    });
    if (number) {
      last = number;
      panel.scrollTop = 0;
      setHeight("half");
    }
    if (tell) page.updateState({ lesson: number || null });
  }

  const goTo = (/** @type {string} */ link) => page.navigate(new URL(link).search.slice(1));

  function goToQuestion(/** @type {number} */ number) {
    show(number);
    query(questions[number - 1], "h3").focus();
  }

  function setHeight(/** @type {keyof typeof HEIGHTS} */ to) {
    height = panel.dataset.height = to;
    for (const button of queryAll(panel, ".height")) button.textContent = HEIGHTS[to][1];
    if (to === "peek") panel.scrollTop = 0;
  }

  function guess(/** @type {HTMLElement} */ question, /** @type {HTMLElement} */ button) {
    const isRight = button.dataset.right === "1";
    for (const each of queryAll(question, ".guesses button")) {
      each.classList.toggle("right", each.dataset.right === "1");
      each.classList.toggle("wrong", each === button && !isRight);
      each.setAttribute("aria-pressed", String(each === button));
    }
    query(question, ".answer").hidden = false;
    const verdict = query(question, ".verdict");
    verdict.textContent = isRight ? "You guessed right." : "Not so; the right guess is marked.";
    const place = `${question.dataset.stop} of ${questions.length}`;
    query(question, ".where").textContent = `${place} · ${isRight ? "right" : "not so"}`;
    verdict.scrollIntoView({ block: "nearest" });
    if (innerWidth <= 1000) setHeight("peek"); // so that the answer is seen in the playground first
    goTo(/** @type {HTMLAnchorElement} */ (query(question, "a")).href);
  }

  panel.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const question = target.closest("section");
    const button = target.closest("button");
    const link = target.closest("a");
    if (link) {
      event.preventDefault();
      goTo(link.href);
    }
    if (!question || !button) return;
    const number = Number(question.dataset.stop);
    if (button.className === "height") {
      setHeight(HEIGHTS[height][0]);
      if (!query(question, ".answer").hidden) query(question, ".verdict").scrollIntoView({ block: "start" });
    } else if (button.className === "close") show(0);
    else if (button.className === "back") goToQuestion(number - 1);
    else if (button.className === "on") goToQuestion(number + 1);
    else guess(question, button);
  });

  document.addEventListener("playground:lesson", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    const open = panel.hidden ? 0 : questions.findIndex((question) => !question.hidden) + 1;
    if (detail === null) show(last);
    else if (detail !== open) show(detail, false); // else it stays scrolled to the verdict
  });
  setHeight("half");
}
