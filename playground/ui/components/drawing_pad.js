// Drawing pad: strokes with a pointer on a canvas.

import { context2d } from "../assets/dom.js";

/** @typedef {{ x: number, y: number }} Point in pixels of the canvas */

/**
 * Let a pointer draw on a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width of the strokes
 * @param {string} colour
 * @param {() => void} [onStroke] called when a stroke has ended
 */
export function createDrawingPad(canvas, width, colour, onStroke = () => {}) {
  const context = context2d(canvas);
  /** @type {Point | null} where the stroke under way has come to */
  let end = null;

  const pointOf = (/** @type {PointerEvent} */ { clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((clientX - box.left) * canvas.width) / box.width,
      y: ((clientY - box.top) * canvas.height) / box.height,
    };
  };

  function begin(/** @type {Point} */ point) {
    end = point;
    strokeTo(point); // a dot
  }

  function strokeTo(/** @type {Point} */ point) {
    if (!end) return;
    Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: colour });
    context.beginPath();
    context.moveTo(end.x, end.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    end = point;
  }

  function finish() {
    if (end) onStroke();
    end = null;
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    begin(pointOf(event));
  });
  canvas.addEventListener("pointermove", (event) => strokeTo(pointOf(event)));
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);

  return {
    get isDrawing() {
      return end !== null;
    },
    begin,
    strokeTo,
    finish,
  };
}
