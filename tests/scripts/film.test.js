import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addPiece,
  bytes,
  decodeFilm,
  filmTable,
  floats,
  formatValue,
  nearestFrame,
  numberOf,
  panelPixels,
  panelValues,
  tableNumbers,
  valueAt,
  valuesAlong,
} from "../../playground/ui/components/player/film.js";

const base64 = (array) => Buffer.from(array.buffer).toString("base64");
const float32 = (...values) => base64(Float32Array.from(values));
const uint8 = (...values) => base64(Uint8Array.from(values));
const panel = (parts = {}) => ({
  title: "x_t",
  role: "mixture",
  limits: [-1, 1],
  scale: "picture",
  note: "",
  ...parts,
});
const number = (key, ...values) => ({ key, symbol: key, values: float32(...values), role: "", about: "", digits: 2 });

/** Two frames of 2 × 1 grey pixels: one still and one moving layer, two panels. */
const layered = () => ({
  start: 0,
  total: 2,
  labels: ["t = 0", "t = 1"],
  ends: ["a", "b"],
  size: [2, 1, 1],
  panels: [panel(), panel({ note: "error" })],
  limits: [[-4, 4]],
  still: float32(0.5, -0.5),
  moving: uint8(0, 255, 51, 102),
  table: float32(1, 0, 0, 1, 2, 0, 0.5, 0.25),
  numbers: [number("t", 0, 1), number("error", 0.5, Infinity), number("std", 1, 2)],
  charts: [],
});

test("bytes and floats decode what base64 encodes", () => {
  assert.deepEqual([...bytes(uint8(0, 7, 255))], [0, 7, 255]);
  assert.deepEqual([...floats(float32(0.5, -3))], [0.5, -3]);
});

test("panelValues is the sum of the layers, weighted by the table", () => {
  const film = decodeFilm(layered(), 0);
  assert.deepEqual([...panelValues(film, 0, 0)], [0.5, -0.5]);
  assert.deepEqual([...panelValues(film, 1, 0)], [-4, 4]);
  assert.deepEqual([...panelValues(film, 0, 1)], [1, -1]);
  const moving = [51, 102].map((byte) => -4 + (8 * byte) / 255);
  const expected = [0.5 * 0.5 + 0.25 * moving[0], -0.5 * 0.5 + 0.25 * moving[1]];
  [...panelValues(film, 1, 1)].forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < 1e-6));
});

test("panelPixels maps the limits to 0 and 255, rounds and clips", () => {
  const film = decodeFilm(layered(), 0);
  assert.deepEqual([...panelPixels(film, 0, 0)], [191, 64]); // 0.75 and 0.25 of 255
  assert.deepEqual([...panelPixels(film, 1, 0)], [0, 255]);
});

test("panelPixels of a film without a table are the moving layers themselves", () => {
  const { still, table, ...piece } = layered();
  const film = decodeFilm({ ...piece, moving: uint8(1, 2, 3, 4, 5, 6, 7, 8), limits: [] }, 0);
  assert.deepEqual([...panelPixels(film, 1, 1)], [7, 8]);
  assert.ok(still && table);
});

test("addPiece continues labels, numbers, pictures and texts", () => {
  const film = decodeFilm({ ...layered(), total: 3, words: { 0: ["one", "two"] } }, 0);
  addPiece(film, {
    ...layered(),
    start: 2,
    total: 3,
    labels: ["t = 2"],
    moving: uint8(9, 9),
    numbers: [number("t", 2), number("error", 3), number("std", 3)],
    words: { 0: ["three"] },
  });
  assert.deepEqual(film.labels, ["t = 0", "t = 1", "t = 2"]);
  assert.deepEqual(numberOf(film, "t").values, [0, 1, 2]);
  assert.equal(film.moving.length, 3);
  assert.deepEqual(film.words[0], ["one", "two", "three"]);
});

test("valueAt and valuesAlong read a number by frame, by place or by both", () => {
  const places = { labels: ["noise", "data"], ends: ["noise", "data"] };
  const numbers = [
    number("step", 0, 100),
    { ...number("t", 9, 0), over: "place" },
    { ...number("r2", 1, 2, 3, 4), over: "both" },
  ];
  const film = decodeFilm({ ...layered(), places, numbers }, 0);
  const position = { frame: 1, generationStep: 0 };
  const values = ["step", "t", "r2"].map((key) => valueAt(film, numberOf(film, key), position));
  assert.deepEqual(values, [100, 9, 3]);
  assert.deepEqual(valuesAlong(film, numberOf(film, "r2"), position), [3, 4]);
  assert.deepEqual(valuesAlong(film, numberOf(film, "step"), position), [0, 100]);
});

test("formatValue writes a minus sign, infinity and a dash for no value", () => {
  assert.equal(formatValue(-0.126, 2), "−0.13");
  assert.equal(formatValue(Infinity, 2), "∞");
  assert.equal(formatValue(-Infinity, 2), "−∞");
  assert.equal(formatValue(NaN, 2), "–");
});

test("tableNumbers leaves out numbers below panels and puts those of the level last", () => {
  assert.deepEqual(
    tableNumbers(decodeFilm(layered(), 0)).map(({ key }) => key),
    ["std", "t"],
  );
});

test("nearestFrame finds the t nearest to a share of the last t", () => {
  const film = decodeFilm({ ...layered(), numbers: [number("t", 0, 100, 250, 999)] }, 0);
  assert.equal(nearestFrame(film, 250 / 999), 2);
  assert.equal(nearestFrame(film, 0.16), 1);
  assert.equal(nearestFrame(film, 1), 3);
});

test("filmTable has every number of every frame, and null for infinity", () => {
  const { link, numbers, frames } = filmTable(decodeFilm(layered(), 0), "http://host/?t=1");
  assert.equal(link, "http://host/?t=1");
  assert.deepEqual(numbers[0], { key: "t", symbol: "t", about: "" });
  assert.deepEqual(frames[1], { label: "t = 1", t: 1, error: null, std: 2 });
});
