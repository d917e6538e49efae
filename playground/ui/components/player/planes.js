// Planes: points, paths and arrows in two dimensions. Part of the player; see player.js.
// `film.plane` holds what stays, `film.snapshots[i]` what belongs to frame i; whatever is drawn was computed by core.

function decodePlane() {
  const { layers, table, grid, density, field } = film.plane;
  film.snapshots = [];
  film.plane = {
    ...film.plane, layers: floats(layers), table: floats(table), grid: floats(grid), density: bytes(density), field: new Int8Array(bytes(field).buffer),
  };
}

const decodeSnapshot = ({ paths, field }) => ({ paths: new Int16Array(bytes(paths).buffer), field: new Int8Array(bytes(field).buffer) });

/** Draw a panel's plane at the present place. */
function drawPlane(canvas, panel, i) {
  const context = canvas.getContext("2d"), side = canvas.width, { reach } = film.plane;
  const pen = {
    context,
    x: (value) => (value / reach + 1) / 2 * side,
    y: (value) => (1 - value / reach) / 2 * side,
    unit: side / (2 * reach),
    colour: (role) => getComputedStyle(player).getPropertyValue(`--${role}`),
  };
  context.clearRect(0, 0, side, side);
  context.lineWidth = side / 500;
  context.lineCap = "round";
  ({ data: drawData, paths: drawPaths, field: drawVectorField, exact: drawVectorField })[panel.draws](pen, panel, film.snapshots[i]);
  context.globalAlpha = 1;
}

function drawPoints({ context, x, y }, points, count, at, size) {
  for (let k = 0; k < count; k++) {
    const [across, up] = at(points, k);
    context.fillRect(x(across) - size / 2, y(up) - size / 2, size, size);
  }
}

/** The data in the noise of this place: Σ of the layers, weighted by the place's row of the table. */
function drawData(pen, panel) {
  const { layers, table } = film.plane, count = layers.length / 4, [a, b] = table.subarray(2 * generationStep);
  pen.context.globalAlpha = .6;
  pen.context.fillStyle = pen.colour(panel.role);
  drawPoints(pen, layers, count, (values, k) =>
    [0, 1].map((d) => a * values[2 * k + d] + b * values[2 * (count + k) + d]), pen.context.canvas.width / 160);
}

/** The particles, the ways that they have come, and behind them the data. */
function drawPaths(pen, panel, { paths }) {
  const { context, x, y } = pen, { layers } = film.plane, particles = paths.length / (2 * (lastGenerationStep() + 1));
  const at = (i, k) => [0, 1].map((d) => paths[2 * (i * particles + k) + d] / film.plane.scale);
  context.globalAlpha = .25;
  context.fillStyle = pen.colour("picture");
  drawPoints(pen, layers, layers.length / 4, (values, k) => [values[2 * k], values[2 * k + 1]], context.canvas.width / 160);
  context.strokeStyle = context.fillStyle = pen.colour(panel.role);
  for (const [from, strength] of [[0, .16], [Math.max(0, generationStep - 3), .5]]) {
    context.globalAlpha = strength;
    context.beginPath();
    for (let k = 0; k < particles; k++) {
      for (let i = from; i <= generationStep; i++) {
        const [across, up] = at(i, k);
        context[i === from ? "moveTo" : "lineTo"](x(across), y(up));
      }
    }
    context.stroke();
  }
  context.globalAlpha = 1;
  drawPoints(pen, paths, particles, (_, k) => at(generationStep, k), context.canvas.width / 110);
}

/** The noise that is found at each place of the grid, the fainter the fewer x_t come there. */
function drawVectorField(pen, panel, snapshot) {
  const { context, x, y, unit } = pen, { grid, density, longest } = film.plane, count = grid.length / 2;
  const asked = Math.min(generationStep, lastGenerationStep() - 1); // at the clean end there is no noise to predict
  const field = panel.draws === "exact" ? film.plane.field : snapshot.field;
  const step = Math.abs(grid[3] - grid[1]), length = step * .95 * unit / longest, head = step * unit * .22;
  context.strokeStyle = pen.colour(panel.role);
  context.lineWidth *= 1.6;
  for (let k = 0; k < count; k++) {
    const j = 2 * (asked * count + k), [right, up] = [field[j], -field[j + 1]].map((value) => value / 127 * longest * length);
    const size = Math.hypot(right, up), [fromX, fromY] = [x(grid[2 * k]) - right / 2, y(grid[2 * k + 1]) - up / 2];
    context.globalAlpha = .3 + .7 * Math.sqrt(density[asked * count + k] / 255);
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(fromX + right, fromY + up);
    if (size <= 1) context.lineTo(fromX + 1, fromY + 1); // a dot: 0
    else {
      const tip = Math.min(head, size * .5), [u, v] = [right / size * tip, up / size * tip];
      context.moveTo(fromX + right - u - v * .6, fromY + up - v + u * .6);
      context.lineTo(fromX + right, fromY + up);
      context.lineTo(fromX + right - u + v * .6, fromY + up - v - u * .6);
    }
    context.stroke();
  }
}
