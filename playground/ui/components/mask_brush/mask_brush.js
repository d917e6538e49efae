// Mask brush: paint over a picture. The paint, dark on white, becomes the component's value.

import { context2d, query } from "../../assets/dom.js";
import { createDrawingPad } from "../drawing_pad.js";

/**
 * Start a mask brush in its component.
 * @param {import("../../assets/gradio_dom.js").GradioComponent} component
 */
export function mountMaskBrush({ element, props, trigger, watch }) {
  const canvas = /** @type {HTMLCanvasElement} */ (query(element, "canvas"));

  function emitValue(/** @type {string | null} */ painting) {
    props.value = { painting };
    trigger("input");
  }

  createDrawingPad(canvas, 34, "#d97706", () => emitValue(mask(canvas)));
  query(element, "button").addEventListener("click", () => {
    context2d(canvas).clearRect(0, 0, canvas.width, canvas.height);
    emitValue(null);
  });

  const showPicture = () => {
    canvas.style.backgroundImage = props.picture ? `url(${props.picture})` : "";
  };
  watch("picture", showPicture);
  showPicture();
}

/** The paint alone, black on white, as a data: URL. */
function mask(/** @type {HTMLCanvasElement} */ canvas) {
  const { width, height } = canvas;
  const flat = Object.assign(document.createElement("canvas"), { width, height });
  const context = context2d(flat);
  context.drawImage(canvas, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  return flat.toDataURL();
}
