// What lies over the page: explanations, the sheet with the controls, and tooltips. Escape closes the topmost.

import { queryAll } from "./dom.js";

const SWIPE = 60; // pixels downwards that close the sheet

/** @param {EventTarget | null} target */
const elementOf = (target) => (target instanceof Element ? target : null);

const openExplanations = () => /** @type {HTMLDetailsElement[]} */ (queryAll(document, ".more[open]"));

export const closeSheet = () => document.body.classList.remove("sheet-open");

/** On a small screen and in presenter mode the controls lie in a sheet. */
export const toggleSheet = () => document.body.classList.toggle("sheet-open");

/**
 * Gradio's components take no tooltips: they are set when a pointer or the focus comes to one.
 * @param {Record<string, string>} tooltips by element id
 */
export function showTooltips(tooltips) {
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, ({ target }) => {
      for (let node = elementOf(target); node; node = node.parentElement) {
        const tooltip = tooltips[node.id];
        if (!tooltip) continue;
        /** @type {HTMLElement} */ (node).title = tooltip;
        return;
      }
    });
  }
}

/**
 * Close explanations and the sheet by Escape, by a press elsewhere and by a swipe.
 * @param {() => void} onLastEscape called for an Escape when nothing lies over the page
 */
export function closeOverlays(onLastEscape) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const [explanation] = openExplanations();
    const shareButton = /** @type {HTMLElement | null} */ (document.querySelector("#shared button"));
    if (explanation) explanation.open = false;
    else if (shareButton?.offsetParent) shareButton.click();
    else if (document.body.classList.contains("sheet-open")) closeSheet();
    else onLastEscape();
  });

  document.addEventListener("pointerdown", ({ target }) => {
    const pressed = elementOf(target);
    for (const explanation of openExplanations()) if (!explanation.contains(pressed)) explanation.open = false;
    if (pressed?.closest("#head, #learn, .lesson")) closeSheet();
  });

  /** @type {number | null} */
  let swipeFrom = null;
  document.addEventListener(
    "touchstart",
    ({ target, touches }) => {
      const touched = elementOf(target);
      const isAtTop = touched?.closest("#rail")?.scrollTop === 0 && !touched.closest("input, canvas");
      swipeFrom = isAtTop ? (touches[0]?.clientY ?? null) : null;
    },
    { passive: true },
  );
  document.addEventListener(
    "touchend",
    ({ changedTouches }) => {
      const [touch] = changedTouches;
      if (touch && swipeFrom !== null && touch.clientY - swipeFrom > SWIPE) closeSheet();
    },
    { passive: true },
  );

  // An explanation that is open stays so when its text is renewed, as by an answer that comes late.
  new MutationObserver((changes) => {
    for (const { target, removedNodes } of changes) {
      const question = elementOf(target)?.closest(".question");
      const wasOpen = [...removedNodes].some(
        (node) => node instanceof Element && (node.matches(".more[open]") || node.querySelector(".more[open]")),
      );
      const renewed = /** @type {HTMLDetailsElement | null | undefined} */ (question?.querySelector(".more"));
      if (wasOpen && renewed) renewed.open = true;
    }
  }).observe(document, { childList: true, subtree: true });
}
