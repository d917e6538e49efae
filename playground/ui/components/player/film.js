// Film format: decoding of the pieces that come, and the values that a film has at a position in it.
// The other half of these types is playground/render/films/film.py. No formula of diffusion is known here: a panel is a
// sum of layers, `still` or `moving`, weighted by its row in a table, or a moving layer of its own, or a plane.

/** @typedef {[number, number]} Limits the values drawn as the first and the last colour */

/**
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} role the palette's
 * @property {Limits} limits
 * @property {"picture" | "noise" | "plane"} scale
 * @property {string} before operator to its left
 * @property {string} factor key of the number above it
 * @property {string} badge name of the predictor or sampler
 * @property {string} about
 * @property {string} note key of the number below it
 * @property {"data" | "paths" | "field" | "exact"} [draws] of a plane
 */

/**
 * A number with one value per frame, or `over` the places of a generation, or over `both`.
 * @typedef {object} NumberPiece
 * @property {string} key
 * @property {string} symbol
 * @property {string} values float32 in base64
 * @property {string} role
 * @property {string} about
 * @property {number} digits
 * @property {"place" | "both"} [over]
 */

/** @typedef {Omit<NumberPiece, "values"> & { values: number[] }} FilmNumber */

/**
 * @typedef {object} Series a curve, through `x` and `y` or through two numbers, or a band between `low` and `high`
 * @property {string} name
 * @property {string} role
 * @property {number[]} [x]
 * @property {number[]} [y]
 * @property {number[]} [low]
 * @property {number[]} [high]
 * @property {[string, string]} [of] keys of numbers
 * @property {string} dot key of a number
 * @property {string} style
 */

/**
 * @typedef {object} LineChart
 * @property {string} title
 * @property {Limits} range
 * @property {Limits | null} range_y
 * @property {boolean} log whether the values are exponents of 10
 * @property {string} across key of the number at whose value the marker stands
 * @property {Series[]} series
 */

/**
 * @typedef {object} Histogram
 * @property {string} title
 * @property {Limits} range
 * @property {number} bins
 * @property {[Bars, Bars]} bars the bars, and the curve over them
 */

/** @typedef {{ name: string, role: string, bytes: string }} Bars shares of the bins as 0…255, one row or one per frame */

/**
 * @typedef {object} ScatterChart the pixels of one panel over those of another
 * @property {string} title
 * @property {[number, number]} scatter indices of both panels
 * @property {[Limits, Limits]} ranges
 * @property {string} note key of the number beside it
 * @property {number} every one pixel in `every` is drawn
 */

/** @typedef {LineChart | Histogram | ScatterChart} Chart */

/**
 * @typedef {object} PlanePiece what all planes of a film share
 * @property {number} side pixels
 * @property {number} reach half the side in data units
 * @property {number} scale of the paths' whole numbers
 * @property {string} layers data and noise, 2 × N × 2, float32 in base64
 * @property {string} table coefficients of both at each place, float32 in base64
 * @property {string} grid positions of the vectors, float32 in base64
 * @property {string} density of x_t at each place and position, uint8 in base64
 * @property {string} field exact vectors at each place and position, int8 in base64
 */

/**
 * @typedef {object} Plane
 * @property {number} side
 * @property {number} reach
 * @property {number} scale
 * @property {Float32Array} layers
 * @property {Float32Array} table
 * @property {Float32Array} grid
 * @property {Uint8Array} density
 * @property {Int8Array} field
 */

/** @typedef {{ paths: string, field: string }} SnapshotPiece int16 and int8 in base64 */
/** @typedef {{ paths: Int16Array, field: Int8Array }} Snapshot */

/**
 * Frames of a film. The first piece has all of these parts that the film has; a later one has those that grow.
 * @typedef {object} FilmPiece
 * @property {number} start index of its first frame
 * @property {number} total number of frames of the whole film
 * @property {string[]} labels of its frames
 * @property {[string, string]} ends
 * @property {boolean} [sync] whether the film is over t; all such films stand at the same t
 * @property {number} [at] the frame to begin at
 * @property {[number, number, number]} size width, height, channels
 * @property {Panel[]} panels
 * @property {number} [columns] of a matrix of panels
 * @property {number} [strip] the panel whose frames are shown as a film strip
 * @property {string} [still] float32 in base64
 * @property {Limits[]} limits of the moving layers
 * @property {string} [table] weights of the layers, float32 in base64
 * @property {string} [moving] pictures as bytes, in base64
 * @property {NumberPiece[]} numbers
 * @property {[string, string, string][][]} [formulas] text, role and key of each part
 * @property {Chart[]} charts
 * @property {string} [remark]
 * @property {Record<string, string[]>} [words] by panel, one per frame
 * @property {Record<string, string[]>} [absent] why a panel is empty, by panel, one per frame
 * @property {PlanePiece} [plane]
 * @property {{ labels: string[], ends: [string, string] }} [places] of a generation, from noise to data
 * @property {SnapshotPiece[]} [snapshots]
 * @property {Record<string, string>} [settings] what the film was made from
 * @property {string} [analysis] the view of *Predict noise* that it belongs to
 * @property {number} [request] number of the request that it answers
 * @property {number} [run] number of the film: later ones have higher numbers
 * @property {boolean} [stays] whether it may replace what is on show without moving from the frame
 * @property {boolean} [follow] whether each frame is shown as it comes
 */

/**
 * The end of a run.
 * @typedef {object} RunEnd
 * @property {true} ended
 * @property {number} request
 * @property {number} [run]
 * @property {number} [frames] how many the film has
 * @property {boolean} [stays]
 * @property {string} [x_T] of a run that was not started, the noise that it would start with, as a data: URL
 */

/**
 * A film as it is kept: decoded, with all pieces that have come.
 * @typedef {Omit<FilmPiece, "still" | "table" | "moving" | "numbers" | "plane" | "snapshots" | "words" | "absent"> & {
 *   still: Float32Array,
 *   table: Float32Array | null,
 *   moving: Uint8Array[],
 *   numbers: FilmNumber[],
 *   plane: Plane | null,
 *   snapshots: Snapshot[],
 *   words: Record<string, string[]>,
 *   absent: Record<string, string[]>,
 *   opened: number,
 * }} Film
 */

/** @typedef {{ frame: number, generationStep: number }} Position in a film; the step is 0 where it has no places */

/**
 * Bytes of base64 text.
 * @param {string} text
 */
export function bytes(text) {
  const raw = atob(text);
  const values = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) values[i] = raw.charCodeAt(i);
  return values;
}

/**
 * Values of float32 in base64.
 * @param {string} text
 */
export const floats = (text) => new Float32Array(bytes(text).buffer);

/**
 * A film from its first piece.
 * @param {FilmPiece} piece
 * @param {number} opened number of the page's state in which it came
 * @returns {Film}
 */
export function decodeFilm(piece, opened) {
  const { plane } = piece;
  /** @type {Film} */
  const film = {
    ...piece,
    opened,
    labels: [],
    numbers: piece.numbers.map((number) => ({ ...number, values: [] })),
    moving: [],
    words: {},
    absent: {},
    snapshots: [],
    still: floats(piece.still ?? ""),
    table: piece.table ? floats(piece.table) : null,
    plane: plane
      ? {
          ...plane,
          layers: floats(plane.layers),
          table: floats(plane.table),
          grid: floats(plane.grid),
          density: bytes(plane.density),
          field: new Int8Array(bytes(plane.field).buffer),
        }
      : null,
  };
  addPiece(film, piece);
  return film;
}

/**
 * Add a piece's frames to a film.
 * @param {Film} film
 * @param {FilmPiece} piece
 */
export function addPiece(film, piece) {
  film.total = piece.total;
  film.labels.push(...piece.labels);
  for (const name of /** @type {const} */ (["words", "absent"])) {
    for (const [p, texts] of Object.entries(piece[name] ?? {})) (film[name][p] ??= []).push(...texts);
  }
  piece.numbers.forEach((number, k) => film.numbers[k]?.values.push(...floats(number.values)));
  const data = bytes(piece.moving ?? "");
  const size = layerSize(film);
  for (let at = 0; at < data.length; at += size) film.moving.push(data.subarray(at, at + size));
  for (const { paths, field } of piece.snapshots ?? []) {
    film.snapshots.push({ paths: new Int16Array(bytes(paths).buffer), field: new Int8Array(bytes(field).buffer) });
  }
}

const layerSize = (/** @type {Film} */ { size }) => size[0] * size[1] * size[2];

/**
 * The values of panel `p` in frame `i`, H × W × C: its layers, weighted by its row of the table.
 * @param {Film} film with a table
 * @param {number} p
 * @param {number} i
 */
export function panelValues(film, p, i) {
  const { still, moving, limits, panels } = film;
  const table = /** @type {Float32Array} */ (film.table);
  const size = layerSize(film);
  const result = new Float32Array(size);
  const count = still.length / size;
  const row = (i * panels.length + p) * (count + limits.length);
  for (let k = 0; k < count; k++) {
    const weight = table[row + k];
    if (weight) for (let j = 0; j < size; j++) result[j] += weight * still[k * size + j];
  }
  limits.forEach(([low, high], k) => {
    const weight = table[row + count + k];
    const layer = moving[i * limits.length + k];
    if (weight) for (let j = 0; j < size; j++) result[j] += weight * (low + (layer[j] * (high - low)) / 255);
  });
  return result;
}

/**
 * The bytes of panel `p` in frame `i`: 0…255 over the panel's limits, rounded and clipped.
 * @param {Film} film
 * @param {number} p
 * @param {number} i
 * @returns {Uint8Array | Uint8ClampedArray}
 */
export function panelPixels(film, p, i) {
  if (!film.table) return film.moving[i * film.panels.length + p];
  const [low, high] = film.panels[p].limits;
  return Uint8ClampedArray.from(panelValues(film, p, i), (value) => ((value - low) * 255) / (high - low));
}

/**
 * A film's number by its key.
 * @param {Film} film
 * @param {string} key
 */
export const numberOf = (film, key) => /** @type {FilmNumber} */ (film.numbers.find((number) => number.key === key));

/** The index of the last place of a generation; 0 for a film without. */
export const lastGenerationStep = (/** @type {Film | null} */ film) =>
  film?.places ? film.places.labels.length - 1 : 0;

/**
 * A number's value at a position.
 * @param {Film} film
 * @param {FilmNumber} number
 * @param {Position} position
 */
export function valueAt(film, { values, over }, { frame, generationStep }) {
  if (!over) return values[frame];
  return values[over === "place" ? generationStep : frame * (lastGenerationStep(film) + 1) + generationStep];
}

/**
 * A number's values that a curve goes through: those of all frames, or of all places of the present frame.
 * @param {Film} film
 * @param {FilmNumber} number
 * @param {Position} position
 */
export function valuesAlong(film, { values, over }, { frame }) {
  const places = lastGenerationStep(film) + 1;
  return over === "both" ? values.slice(frame * places, (frame + 1) * places) : values;
}

/**
 * A value as the page writes it.
 * @param {number} value
 * @param {number} digits
 */
export function formatValue(value, digits) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toFixed(digits).replace("-", "−");
}

/**
 * A number as the page writes it at a position.
 * @param {Film} film
 * @param {FilmNumber} number
 * @param {Position} position
 */
export const formatNumber = (film, number, position) => formatValue(valueAt(film, number, position), number.digits);

/**
 * A number with its symbol, "t = 250".
 * @param {Film} film
 * @param {FilmNumber} number
 * @param {Position} position
 */
export const describeNumber = (film, number, position) => `${number.symbol} = ${formatNumber(film, number, position)}`;

/** The numbers that stand in the list: those not below a panel; those of the noise level come last. */
export function tableNumbers(/** @type {Film} */ { panels, numbers }) {
  const below = new Set(panels.map((panel) => panel.note));
  const isOfLevel = (/** @type {FilmNumber} */ { key }) =>
    ["t", "alpha_bar", "alpha", "sigma", "log_snr", "beta"].includes(key);
  return numbers
    .filter(({ key }) => !below.has(key))
    .sort((one, other) => Number(isOfLevel(one)) - Number(isOfLevel(other)));
}

/**
 * The frame whose t is nearest to a share of the last t.
 * @param {Film} film over t
 * @param {number} share
 */
export function nearestFrame(film, share) {
  const t = numberOf(film, "t").values;
  const goal = Number((share * t[t.length - 1]).toFixed(6)); // so that 250 is not 250.00000000000003
  return t.reduce((best, value, i) => (Math.abs(value - goal) < Math.abs(t[best] - goal) ? i : best), 0);
}

/**
 * Every number of every frame, as saved in a JSON file. JSON has no infinity: null.
 * @param {Film} film
 * @param {string | null} link that makes the same film; null for none
 */
export function filmTable(film, link) {
  const finite = (/** @type {number} */ value) => (Number.isFinite(value) ? value : null);
  const places = lastGenerationStep(film) + 1;
  const inFrame = (/** @type {number} */ i) =>
    Object.fromEntries(
      film.numbers.map(({ key, values, over }) => {
        if (over === "place") return [key, values.map(finite)];
        return [key, over ? values.slice(i * places, (i + 1) * places).map(finite) : finite(values[i])];
      }),
    );
  const numbers = film.numbers.map(({ key, symbol, about }) => ({ key, symbol, about }));
  return { link, numbers, frames: film.labels.map((label, i) => ({ label, ...inFrame(i) })) };
}
