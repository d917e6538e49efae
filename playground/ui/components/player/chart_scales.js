// Scales of charts: round strides, the values at which lines are ruled, and powers of ten.

/** @typedef {[number, number]} Range */

/**
 * The stride of 1, 2 or 5 times a power of ten that divides a range into about `count` parts, at most.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 */
export function niceStride(from, to, count) {
  const raw = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * /** @type {number} */ ([1, 2, 5, 10].find((factor) => factor * power >= raw));
}

/**
 * The multiples of a stride in a range.
 * @param {number} from
 * @param {number} to
 * @param {number} stride
 */
export function ticks(from, to, stride) {
  const first = Math.ceil(from / stride - 1e-9);
  const count = Math.floor(to / stride + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => Number(((first + k) * stride).toPrecision(6)));
}

/**
 * A range widened to whole strides, and the stride.
 * @param {Range} range
 * @param {number} least the least stride
 * @returns {[Range, number]}
 */
export function roundedRange([from, to], least) {
  const stride = Math.max(niceStride(from, to, 4), least);
  return [[Math.floor(from / stride + 1e-9) * stride, Math.ceil(to / stride - 1e-9) * stride], stride];
}

/** 10 with a raised exponent. */
export const powerOfTen = (/** @type {number} */ exponent) =>
  "10" +
  String(exponent)
    .replace("-", "⁻")
    .replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]);

/** A number with a minus sign. */
export const signed = (/** @type {number} */ value) => String(value).replace("-", "−");
