// Paint over a picture. Gradio runs this text as the body of a function of (element, trigger, props, server, upload,
// watch). What was painted, dark on white, becomes the component's value.

const canvas = element.querySelector("canvas"), context = canvas.getContext("2d");
let cursor = null; // where the brush is, while it is down

function emitValue(painting) {
  props.value = { painting };
  trigger("input");
}

function stroke(to) {
  Object.assign(context, { lineWidth: 34, lineCap: "round", lineJoin: "round", strokeStyle: "#d97706" });
  context.beginPath();
  context.moveTo(cursor.x, cursor.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  cursor = to;
}

function pointerPosition(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
}

/** The paint alone, black on white. */
function painted() {
  const flat = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const onto = flat.getContext("2d");
  onto.drawImage(canvas, 0, 0);
  Object.assign(onto, { globalCompositeOperation: "source-in", fillStyle: "#000" });
  onto.fillRect(0, 0, flat.width, flat.height);
  Object.assign(onto, { globalCompositeOperation: "destination-over", fillStyle: "#fff" });
  onto.fillRect(0, 0, flat.width, flat.height);
  return flat.toDataURL();
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  cursor = pointerPosition(event);
  stroke(cursor);
});
canvas.addEventListener("pointermove", (event) => { if (cursor) stroke(pointerPosition(event)); });
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    if (cursor) emitValue(painted());
    cursor = null;
  });
}
element.querySelector("button").addEventListener("click", () => {
  context.clearRect(0, 0, canvas.width, canvas.height);
  emitValue(null);
});

const show = () => { canvas.style.backgroundImage = props.picture ? `url(${props.picture})` : ""; };
watch("picture", show);
show();
