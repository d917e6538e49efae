import assert from "node:assert/strict";
import { test } from "node:test";

import { sheetLayout } from "../../playground/ui/components/player/saving.js";

const film = (size, count, columns) => ({ size: [size, size, 3], panels: Array(count).fill({}), columns });

test("sheetLayout enlarges small pictures by whole factors", () => {
  const layout = sheetLayout(film(28, 3, undefined), 40);
  assert.equal(layout.panelWidth % 28, 0);
  assert.equal(layout.rows, 1);
  assert.equal(sheetLayout(film(28, 15, 5), 40).rows, 3);
});

test("sheetLayout of every film keeps within the server's bounds and shows all panels", () => {
  for (const size of [8, 28, 64, 268, 512, 2060]) {
    for (const [count, columns] of [
      [3, undefined],
      [15, 5],
      [22, 11],
      [4, 4],
    ]) {
      const { sheetWidth, sheetHeight, ...layout } = sheetLayout(film(size, count, columns), 40);
      assert.ok(sheetWidth * sheetHeight <= 12_000_000 && Math.max(sheetWidth, sheetHeight) <= 16_000);
      assert.ok(layout.panelWidth >= 8 && layout.rows * layout.columns >= count);
      assert.equal(sheetHeight % (40 * layout.rows), 0, "frames of equal height");
    }
  }
});
