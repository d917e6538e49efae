// Readout of a film: its numbers and its formulas, which change with the frame.

import { createElement, query, queryAll } from "../../assets/dom.js";
import { formatNumber, numberOf, tableNumbers } from "./film.js";

/** @typedef {import("./panels.js").FilmView} FilmView */
/** @typedef {import("./film.js").FilmNumber} FilmNumber */

const SHOWN_NUMBERS = 6; // beside charts; the others on demand

/** @typedef {() => void} Redraw brings the readout to the present frame */

/**
 * Build formulas and numbers of the film on show.
 * @param {FilmView} view
 * @returns {Redraw}
 */
export function buildReadout(view) {
  const { root, film } = view;
  query(root, ".formulas").replaceChildren(...(film.formulas ?? []).map(formulaLine));
  const numbers = tableNumbers(film);
  const cells = numbers.map(numberCell);
  query(root, ".remark").textContent = film.remark ?? "";
  const table = measureTable(numbers, cells);
  const list = query(root, ".numbers");
  list.classList.toggle("tabled", table !== null);
  if (table) list.style.setProperty("--networks", String(table.networks));
  list.replaceChildren(...(table?.cells ?? cells));
  const button = query(root, ".all-numbers");
  button.hidden = table !== null || numbers.length <= SHOWN_NUMBERS || film.charts.length === 0;
  root.classList.toggle("few-numbers", !button.hidden && !button.classList.contains("pressed"));
  const inFormulas = queryAll(root, ".formulas [data-key]");
  return () => {
    numbers.forEach((number, k) => {
      query(cells[k], "dd").textContent = formatNumber(film, number, view);
    });
    for (const span of inFormulas) span.textContent = formatNumber(film, numberOf(film, span.dataset.key ?? ""), view);
  };
}

/**
 * Show all numbers, or the first of them again.
 * @param {HTMLElement} root
 */
export function toggleAllNumbers(root) {
  const button = query(root, ".all-numbers");
  const isPressed = button.classList.toggle("pressed");
  button.textContent = isPressed ? "fewer numbers" : "all numbers";
  root.classList.toggle("few-numbers", !isPressed);
}

/** A formula, from the text, role and key of each of its parts. */
function formulaLine(/** @type {[string, string, string][]} */ parts) {
  const line = createElement("p", "formula");
  for (const [text, role, key] of parts) {
    const part = createElement("span", role, text);
    if (key) part.dataset.key = key;
    line.append(part);
  }
  return line;
}

function numberCell(/** @type {FilmNumber} */ { role, about, symbol }) {
  const cell = createElement("div", role);
  cell.title = about;
  cell.append(createElement("dt", "", symbol), createElement("dd"));
  return cell;
}

/**
 * The cells as a table, measures by networks, where several measures are there for several networks: "R² · ideal".
 * @param {FilmNumber[]} numbers
 * @param {HTMLElement[]} cells
 * @returns {{ networks: number, cells: HTMLElement[] } | null}
 */
function measureTable(numbers, cells) {
  const named = numbers.map(({ symbol }, k) => {
    const [measure, network] = symbol.split(" · ");
    return { measure, network, cell: cells[k] };
  });
  const networks = [...new Set(named.flatMap(({ network }) => network ?? []))];
  const measures = [...new Set(named.filter(({ network }) => network).map(({ measure }) => measure))];
  const cellOf = (/** @type {string} */ measure, /** @type {string} */ network) =>
    named.find((each) => each.measure === measure && each.network === network)?.cell;
  const isCompared = (/** @type {string} */ measure) =>
    networks.filter((network) => cellOf(measure, network)).length > 1;
  if (measures.filter(isCompared).length < 2) return null;
  const blank = () => createElement("span");
  const head = [blank(), ...networks.map((network) => createElement("span", "column", network))];
  const rows = measures.flatMap((measure) => [
    createElement("span", "measure", measure),
    ...networks.map((network) => cellOf(measure, network) ?? blank()),
  ]);
  const others = named.filter(({ network }) => !network);
  const rest = others.flatMap(({ measure, cell }) => [
    createElement("span", "measure", measure),
    cell,
    ...networks.slice(1).map(blank),
  ]);
  return { networks: networks.length, cells: [...head, ...rows, ...rest] };
}
