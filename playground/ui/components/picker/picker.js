// Choose a picture from a sheet, or draw one. Gradio runs this text as the body of a function of
// (element, trigger, props, server, upload, watch). What was chosen or drawn becomes the component's value.

const find = (selector) => element.querySelector(selector);
const canvas = find("canvas"), context = canvas.getContext("2d");

function give(value) {
  props.value = value;
  trigger("input");
}

// --- choosing ---------------------------------------------------------------------------------------------------

function show(offer) {
  if (!offer || !find(".offer")) return;
  find(".offer").replaceChildren(...offer.numbers.map((number, k) => {
    const view = document.createElement("button"), column = k % offer.columns, row = Math.floor(k / offer.columns);
    Object.assign(view, { type: "button", title: offer.names[k] });
    view.setAttribute("aria-label", `Picture ${number}${offer.names[k] && ": "}${offer.names[k]}`);
    view.style.backgroundImage = `url(${offer.sheet})`;
    view.style.backgroundSize = `${offer.columns * 100}% ${offer.rows * 100}%`;
    const place = (i, count) => (count > 1 ? `${i / (count - 1) * 100}%` : "0");
    view.style.backgroundPosition = `${place(column, offer.columns)} ${place(row, offer.rows)}`;
    view.addEventListener("click", () => give({ picture: number }));
    return view;
  }));
}

// --- drawing ----------------------------------------------------------------------------------------------------

let pen = { x: 140, y: 140 }; // where the keys draw
let inking = false;

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

function under(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pen = under(event);
  inking = true;
  line(pen, pen);
});
canvas.addEventListener("pointermove", (event) => {
  if (!inking) return;
  const to = under(event);
  line(pen, to);
  pen = to;
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { inking = false; });

canvas.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10], " ": [0, 0] }[event.key];
  if (!way) return;
  event.preventDefault();
  event.stopPropagation();
  inking ||= event.key === " ";
  const to = { x: Math.min(280, Math.max(0, pen.x + way[0])), y: Math.min(280, Math.max(0, pen.y + way[1])) };
  if (inking) line(pen, to);
  pen = to;
});
canvas.addEventListener("keyup", (event) => { if (event.key === " ") inking = false; });

find(".clear").addEventListener("click", clear);
find(".use").addEventListener("click", () => give({ drawing: canvas.toDataURL() }));

// The server sends the pictures while they are in sight.
const part = find(".picker");
part.addEventListener("toggle", () => trigger(part.open ? "expand" : "collapse"));

clear();
watch("offer", () => show(props.offer));
show(props.offer);
