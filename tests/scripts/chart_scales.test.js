import assert from "node:assert/strict";
import { test } from "node:test";

import {
  niceStride,
  powerOfTen,
  roundedRange,
  signed,
  ticks,
} from "../../playground/ui/components/player/chart_scales.js";

const RANGES = [
  [0, 1],
  [0, 999],
  [-4, 4],
  [0, 1.2],
  [-0.003, 0.0071],
  [-20, 20],
  [0, 123_456],
];

test("niceStride is 1, 2 or 5 times a power of ten and gives at most the wanted parts", () => {
  for (const [from, to] of RANGES) {
    for (const count of [3, 4, 7]) {
      const stride = niceStride(from, to, count);
      const [digit] = stride.toExponential(6);
      assert.ok(["1", "2", "5"].includes(digit), `${stride}`);
      assert.ok((to - from) / stride <= count * (1 + 1e-9));
      assert.ok((to - from) / stride > count / 2.6, "no more than a step of the series too wide");
    }
  }
});

test("ticks are all multiples of the stride in the range", () => {
  for (const [from, to] of RANGES) {
    const stride = niceStride(from, to, 5);
    const values = ticks(from, to, stride);
    const inRange = [];
    for (let k = Math.floor(from / stride) - 1; k <= Math.ceil(to / stride) + 1; k++) {
      if (k * stride >= from - stride * 1e-6 && k * stride <= to + stride * 1e-6) inRange.push(k * stride);
    }
    assert.equal(values.length, inRange.length);
    values.forEach((value, k) => assert.ok(Math.abs(value - inRange[k]) <= 1e-5 * Math.max(stride, Math.abs(value))));
  }
});

test("roundedRange covers the range by whole strides", () => {
  for (const [from, to] of RANGES) {
    const [[low, high], stride] = roundedRange([from, to], 0);
    assert.ok(low <= from + 1e-9 && high >= to - 1e-9);
    assert.ok(from - low < stride && high - to < stride);
  }
  assert.equal(roundedRange([0, 0.5], 1)[1], 1, "a least stride holds");
});

test("powerOfTen raises the exponent, and signed writes a minus sign", () => {
  assert.deepEqual([powerOfTen(0), powerOfTen(12), powerOfTen(-3)], ["10⁰", "10¹²", "10⁻³"]);
  assert.equal(signed(-0.5), "−0.5");
});
