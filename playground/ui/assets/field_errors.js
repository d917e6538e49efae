// A refused value is explained at its field. The server's sentence begins with the field's name.

import { queryAll } from "./dom.js";
import { GRADIO } from "./gradio_dom.js";

/**
 * Whether a refused value stands in a field.
 * @param {string} name the setting's
 */
export const isRefused = (name) => document.querySelector(`#control-${name}.refused`) !== null;

/**
 * Show the toasts' messages at their fields, as they come.
 * @param {() => void} onRefused called when a field has been marked as refused
 */
export function explainAtFields(onRefused) {
  // Gradio makes the place for toasts once, and one toast for all messages that are there.
  new MutationObserver((_, observer) => {
    const toasts = document.querySelector(GRADIO.toasts);
    if (!toasts) return;
    observer.disconnect();
    const explainAll = () => queryAll(toasts, GRADIO.toastMessage).forEach((message) => explain(message, onRefused));
    new MutationObserver(explainAll).observe(toasts, { childList: true, subtree: true });
    explainAll();
  }).observe(document, { childList: true, subtree: true });
}

/**
 * Show a message at its field, by the field's own label. Without a field in view it stays a toast.
 * @param {HTMLElement} message
 * @param {() => void} onRefused
 */
function explain(message, onRefused) {
  const text = message.textContent.trim();
  const [, name, rest] = text.match(/^(\w+) (must .*)$/s) ?? [];
  if (message.dataset.explained === text || !name) return;
  const control = document.querySelector(`#control-${name}`);
  if (!control?.checkVisibility({ visibilityProperty: true })) return; // the sheet with the controls may be closed
  message.dataset.explained = text; // the style sheet hides it
  const field = /** @type {HTMLInputElement | null} */ (control.querySelector("input, select"));
  const refused = text.match(/it was (.+)\.$/)?.[1]?.replaceAll(",", "");
  const hasOtherValue = refused && refused !== (field?.value || "empty") && Number(refused) !== Number(field?.value);
  if (field?.type === "number" && hasOtherValue) return;

  const line = field?.closest(".line"); // a row without room for a sentence
  (control.matches(".line") ? control.parentElement : control)?.querySelector(".error-at-field")?.remove();
  const label = name === "image" ? "Picture" : (control.querySelector(GRADIO.label)?.textContent.trim() ?? name);
  const note = Object.assign(document.createElement("p"), {
    className: "error-at-field",
    textContent: `${label} ${rest}`,
  });
  note.setAttribute("role", "alert");
  if (line) line.after(note);
  else control.append(note);
  control.classList.add("refused");
  onRefused();

  const clear = () => {
    note.remove();
    control.classList.remove("refused");
  };
  control.addEventListener("input", clear, { once: true });
  control.addEventListener(
    "click",
    ({ target }) => {
      if (target !== field) clear();
    },
    { once: true },
  );
  if (document.activeElement?.matches("body, button")) field?.focus(); // else something is being typed elsewhere
}
