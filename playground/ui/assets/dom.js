// Elements of the page: found, made and filled with text.

/**
 * The first descendant that matches a selector.
 * @template {Element} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {E}
 * @throws {Error} if there is none
 */
export function query(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`There is no ${selector} here.`);
  return /** @type {E} */ (found);
}

/**
 * All descendants that match a selector.
 * @template {Element} [E=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {E[]}
 */
export const queryAll = (root, selector) => /** @type {E[]} */ ([...root.querySelectorAll(selector)]);

/**
 * Append text in which `x_t` has a lowered t and `x_t−1` a lowered t−1. It is text only: no markup in it is read.
 * @template {Node & ParentNode} N
 * @param {N} node
 * @param {string} text
 * @returns {N}
 */
export function typeset(node, text) {
  text.split(/_([\wθ](?:−1)?)(?!\w)/).forEach((part, k) => {
    if (k % 2) node.appendChild(document.createElement("sub")).textContent = part;
    else node.append(part);
  });
  return node;
}

/**
 * A new element with typeset text.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [name] its classes
 * @param {string} [text]
 */
export function createElement(tag, name = "", text = "") {
  const node = document.createElement(tag);
  node.className = name;
  return typeset(node, text);
}

/**
 * The drawing context of a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export const context2d = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
