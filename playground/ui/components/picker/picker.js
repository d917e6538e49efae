// Picker: choose a picture from a sheet, or draw one. What was chosen or drawn becomes the component's value.

import { context2d, query } from "../../assets/dom.js";
import { createDrawingPad } from "../drawing_pad.js";

/**
 * Pictures to choose from, on one sheet.
 * @typedef {object} Offer
 * @property {string} sheet a data: URL
 * @property {number} columns
 * @property {number} rows
 * @property {number[]} numbers the pictures' indices in their dataset
 * @property {string[]} names
 */

const KEY_STEP = 10;

/**
 * Start a picker in its component.
 * @param {import("../../assets/gradio_dom.js").GradioComponent} component
 */
export function mountPicker({ element, props, trigger, watch }) {
  const canvas = /** @type {HTMLCanvasElement} */ (query(element, "canvas"));
  const pad = createDrawingPad(canvas, 22, "#000");

  function emitValue(/** @type {{ picture: number } | { drawing: string }} */ value) {
    props.value = value;
    trigger("input");
  }

  function clear() {
    const context = context2d(canvas);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  // The arrow keys move a cursor; it draws while the space bar is held.
  let cursor = { x: canvas.width / 2, y: canvas.height / 2 };
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    const { width, height } = canvas.getBoundingClientRect();
    if (pad.isDrawing) cursor = { x: (offsetX * canvas.width) / width, y: (offsetY * canvas.height) / height };
  });
  canvas.addEventListener("keydown", (event) => {
    /** @type {Record<string, [number, number]>} */
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === " " && !pad.isDrawing) pad.begin(cursor);
    const limited = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(most, Math.max(0, value));
    cursor = {
      x: limited(cursor.x + move[0] * KEY_STEP, canvas.width),
      y: limited(cursor.y + move[1] * KEY_STEP, canvas.height),
    };
    pad.strokeTo(cursor);
  });
  canvas.addEventListener("keyup", ({ key }) => {
    if (key === " ") pad.finish();
  });
  query(element, ".clear").addEventListener("click", clear);
  query(element, ".use").addEventListener("click", () => emitValue({ drawing: canvas.toDataURL() }));

  // The server sends the pictures when the picker is opened.
  const picker = /** @type {HTMLDetailsElement} */ (query(element, ".picker"));
  picker.addEventListener("toggle", () => trigger(picker.open ? "expand" : "collapse"));
  const showOffer = () => {
    const box = element.querySelector(".offer");
    if (box && props.offer) box.replaceChildren(...thumbnails(props.offer, (picture) => emitValue({ picture })));
  };

  clear();
  watch("offer", showOffer);
  showOffer();
}

/**
 * A button for each picture.
 * @param {Offer} offer
 * @param {(number: number) => void} onChoose
 */
function thumbnails({ sheet, columns, rows, numbers, names }, onChoose) {
  const percent = (/** @type {number} */ i, /** @type {number} */ count) =>
    count > 1 ? `${(i / (count - 1)) * 100}%` : "0";
  return numbers.map((number, k) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", title: names[k] });
    button.setAttribute("aria-label", `Picture ${number}${names[k] && ": "}${names[k]}`);
    button.style.backgroundImage = `url(${sheet})`;
    button.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
    button.style.backgroundPosition = `${percent(k % columns, columns)} ${percent(Math.floor(k / columns), rows)}`;
    button.addEventListener("click", () => onChoose(number));
    return button;
  });
}
