// Choose a picture from a sheet, or draw one. Gradio runs this text as the body of a function of
// (element, trigger, props, server, upload, watch). What was chosen or drawn becomes the component's value.

const query = (selector) => element.querySelector(selector);
const canvas = query("canvas"), context = canvas.getContext("2d");

function emitValue(value) {
  props.value = value;
  trigger("input");
}

// --- choosing ---------------------------------------------------------------------------------------------------

function show(offer) {
  if (!offer || !query(".offer")) return;
  query(".offer").replaceChildren(...offer.numbers.map((number, k) => {
    const view = document.createElement("button"), column = k % offer.columns, row = Math.floor(k / offer.columns);
    Object.assign(view, { type: "button", title: offer.names[k] });
    view.setAttribute("aria-label", `Picture ${number}${offer.names[k] && ": "}${offer.names[k]}`);
    view.style.backgroundImage = `url(${offer.sheet})`;
    view.style.backgroundSize = `${offer.columns * 100}% ${offer.rows * 100}%`;
    const place = (i, count) => (count > 1 ? `${i / (count - 1) * 100}%` : "0");
    view.style.backgroundPosition = `${place(column, offer.columns)} ${place(row, offer.rows)}`;
    view.addEventListener("click", () => emitValue({ picture: number }));
    return view;
  }));
}

// --- drawing ----------------------------------------------------------------------------------------------------

let cursor = { x: 140, y: 140 }; // where the keys draw
let isDrawing = false;

function clear() {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  Object.assign(context, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
}

function line(from, to) {
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
}

function pointerPosition(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  cursor = pointerPosition(event);
  isDrawing = true;
  line(cursor, cursor);
});
canvas.addEventListener("pointermove", (event) => {
  if (!isDrawing) return;
  const to = pointerPosition(event);
  line(cursor, to);
  cursor = to;
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { isDrawing = false; });

canvas.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10], " ": [0, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  event.stopPropagation();
  isDrawing ||= event.key === " ";
  const to = { x: Math.min(280, Math.max(0, cursor.x + way[0])), y: Math.min(280, Math.max(0, cursor.y + way[1])) };
  if (isDrawing) line(cursor, to);
  cursor = to;
});
canvas.addEventListener("keyup", (event) => { if (event.key === " ") isDrawing = false; });

query(".clear").addEventListener("click", clear);
query(".use").addEventListener("click", () => emitValue({ drawing: canvas.toDataURL() }));

// The server sends the pictures while they are in sight.
const part = query(".picker");
part.addEventListener("toggle", () => trigger(part.open ? "expand" : "collapse"));

clear();
watch("offer", () => show(props.offer));
show(props.offer);
