// Gradio's own elements: every selector that depends on its markup, in one place. A browser test finds each of them.

/**
 * What Gradio gives to the script of a `gr.HTML`.
 * @typedef {object} GradioComponent
 * @property {HTMLElement} element
 * @property {any} props of the component; setting `value` does not yet tell the server
 * @property {(event: string) => void} trigger
 * @property {Record<string, (...args: any[]) => Promise<any>>} server the component's server functions
 * @property {(props: string | string[], callback: () => void) => void} watch
 */

export const GRADIO = {
  /** A tab's button; its data-tab-id is the tab's id. */
  tab: "[role=tab]",
  /** A component's label. */
  label: "[data-testid=block-info]",
  /** A radio's or checkbox group's row of choices, which scrolls where it is wider than the screen. */
  choices: ".wrap",
  /** The place of the toasts, made with the first of them. */
  toasts: ".toast-wrap",
  /** The messages in a toast. */
  toastMessage: ".toast-message-item",
};
