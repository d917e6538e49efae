// Saving a film: as a moving GIF or MP4, as a strip of frames, or its numbers. Part of the player; see player.js.

/** At most `count` frames, evenly spaced, below each other: their panels in rows, and what t it is. */
function sheet(count) {
  const last = film.labels.length - 1, shown = Math.min(count, last + 1);
  const frames = Array.from({ length: shown }, (_, k) => Math.round(k * last / Math.max(1, shown - 1)));
  const [width, height] = film.size, columns = film.columns ?? film.panels.length, gap = 8, line = 26;
  const times = Math.max(1, Math.round((film.columns ? 84 : 140) / height));
  const wide = width * times + gap, high = height * times + line + gap, rows = Math.ceil(film.panels.length / columns);
  const plain = ({ title, badge }) => `${title.replaceAll("_0", "₀").replaceAll("_t", "ₜ")} ${badge}`.trim();
  const small = Object.assign(document.createElement("canvas"), { width, height });
  const all = Object.assign(document.createElement("canvas"), { width: columns * wide + gap, height: shown * rows * high });
  const context = all.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, all.width, all.height);
  Object.assign(context, { imageSmoothingEnabled: false, fillStyle: "#111", font: "15px system-ui, sans-serif", textBaseline: "middle" });
  frames.forEach((i, k) => {
    film.panels.forEach((_, p) => {
      drawPanel(small, p, i);
      const row = k * rows + Math.floor(p / columns);
      context.drawImage(small, gap + (p % columns) * wide, row * high + line, width * times, height * times);
    });
    for (let row = 0; row < rows; row++) {
      const titles = film.panels.slice(row * columns, (row + 1) * columns).map(plain).join("  |  ");
      context.fillText(`${row ? "" : `${film.labels[i]}${film.places ? `, ${film.places.labels[generationStep]}` : ""}     `}${titles}`, gap, (k * rows + row) * high + line / 2, all.width - 2 * gap);
    }
  });
  return { frames: shown, canvas: all };
}

function everyNumber() {
  const finite = (value) => (Number.isFinite(value) ? value : null), places = film.places?.labels.length;
  const inFrame = (i) => Object.fromEntries(film.numbers.map(({ key, values, over }) => [key,
    over === "place" ? [...values].map(finite) : over ? values.slice(i * places, (i + 1) * places).map(finite) : finite(values[i])]));
  const numbers = film.numbers.map(({ key, symbol, about }) => ({ key, symbol, about }));
  const link = player.classList.contains("is-stale") ? null : playground.link(); // it would lead to another run
  return { link, numbers, frames: film.labels.map((label, i) => ({ label, ...inFrame(i) })) };
}

async function save(kind) {
  if (kind === "json") return new Blob([JSON.stringify(everyNumber(), null, 1)], { type: "application/json" });
  if (kind === "png") return new Promise((done) => sheet(10).canvas.toBlob(done));
  const { canvas, frames } = sheet(40), answer = await server.encode({ kind, sheet: canvas.toDataURL(), frames });
  if (answer.error) throw new Error(answer.error);
  return new Blob([bytes(answer.file)], { type: kind === "gif" ? "image/gif" : "video/mp4" });
}

async function onSave(event) {
  const kind = event.target.dataset.kind, said = query(".said");
  if (!kind || !film) return;
  said.textContent = "…";
  try {
    const url = URL.createObjectURL(await save(kind));
    Object.assign(document.createElement("a"), { href: url, download: `${element.closest("[id^=player]")?.id ?? "film"}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    said.textContent = "saved";
  } catch (error) {
    said.textContent = `It could not be saved: ${error.message}`;
  }
}
