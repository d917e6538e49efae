// Where everything lies on the page, what of it can be seen, and in which colours.
window.measuring = (() => {
  const slack = 0.5; // of rounding
  const box = (node) => node.getBoundingClientRect();
  const isShown = (node) =>
    node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && box(node).width > 1;
  const texts = (nodes) => nodes.map((node) => node.textContent);

  /** Its box is inside the viewport, and the point in its middle is its own or that of a part of it. */
  function seen(node) {
    if (!node) return false;
    const { left, top, right, bottom } = box(node);
    if (left < -slack || top < -slack || right > innerWidth + slack || bottom > innerHeight + slack) return false;
    const there = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    // A picture that is not there has the place of its figure; a field may fill its label.
    const instead = there?.closest('label, [data-absent]:not([data-absent=""])');
    return there !== null && (node.contains(there) || instead?.contains(node) === true);
  }

  /** The film of a player, its transports, and the primary button, if there is one. */
  function film(id, primary) {
    const player = document.getElementById(id);
    const all = (selector) => [...player.querySelectorAll(selector)].filter((node) => node.offsetParent);
    const bottom = (nodes) => Math.max(0, ...nodes.map((node) => box(node).bottom));
    const pictures = all(".panel canvas"),
      transports = all(".player-controls"),
      heads = all(".heads span");
    const named = [
      ...pictures.map((node, k) => [`picture ${k}`, node]),
      ...transports.map((node, k) => [`transport ${k}`, node]),
    ];
    if (primary) named.push([primary, document.querySelector(primary)]);
    const isCut = (number) =>
      [number.parentElement, number.closest("figure")].some((around) => {
        const [inner, outer] = [box(number), box(around)];
        return (
          inner.left < outer.left - 1 ||
          inner.right > outer.right + 1 ||
          inner.top < outer.top - 2 ||
          inner.bottom > outer.bottom + 2
        );
      });
    const lines = (node) => box(node).height / parseFloat(getComputedStyle(node).lineHeight);
    return {
      unseen: named.filter(([, node]) => !seen(node)).map(([name]) => name),
      film_top: Math.min(...pictures.map((node) => box(node).top)),
      film_bottom: bottom(all(".panel")),
      transport_bottom: bottom(transports),
      charts_bottom: bottom(all(".chart")),
      side: Math.min(...pictures.flatMap((node) => [box(node).width, box(node).height])),
      cut_numbers: texts(all(".about span").filter((node) => node.scrollWidth > node.clientWidth || isCut(node))),
      long_captions: texts(all("figcaption").filter((node) => lines(node) > 2.6)),
      cut_heads: texts(heads.filter((node, k) => heads[k + 1] && box(node).right > box(heads[k + 1]).left)),
      scroll: scrollY,
      wider: document.documentElement.scrollWidth - innerWidth,
    };
  }

  // --- colours ----------------------------------------------------------------------------------------------------

  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = {};

  /** Red, green, blue, 0 to 255, and opacity, 0 to 1, of a colour in any notation. */
  function rgba(colour) {
    return (known[colour] ??= (() => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    })());
  }

  const over = ([r, g, b, a], below) => [r, g, b].map((value, k) => value * a + below[k] * (1 - a));

  function behind(node) {
    if (!node) return [255, 255, 255];
    const colour = rgba(getComputedStyle(node).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, behind(node.parentElement));
  }

  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, k) => sum + weight * linear(colour[k]), 0);
  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  const named = (node) =>
    `${node.tagName.toLowerCase()}${node.id && "#" + node.id}.${[...node.classList].filter((name) => !name.startsWith("svelte")).join(".")}` +
    ` ${(node.textContent || node.getAttribute("aria-label") || "").trim().slice(0, 24)}`;
  const onPage = (selector) => [...document.querySelectorAll(selector)].filter(isShown);
  const isDisabled = (node) => node.closest(":disabled, .empty") !== null;

  /** Texts whose contrast with what is behind them is below 4.5, and unchecked marks whose border's is below 3. */
  function faint() {
    const found = [];
    for (const node of onPage("body *")) {
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
      if (!own || isDisabled(node) || node.closest("svg, .toast-wrap, [data-absent]")) continue;
      const ground = behind(node),
        value = contrast(over(rgba(getComputedStyle(node).color), ground), ground);
      if (value < 4.5) found.push(`${named(node)}: ${value.toFixed(2)}`);
    }
    for (const mark of onPage("input:is([type=radio], [type=checkbox]):not(:checked)")) {
      if (getComputedStyle(mark).opacity === "0" || isDisabled(mark)) continue; // its label is the mark
      const ground = behind(mark.parentElement),
        value = contrast(over(rgba(getComputedStyle(mark).borderTopColor), ground), ground);
      if (value < 3) found.push(`border of ${named(mark)}: ${value.toFixed(2)}`);
    }
    return found;
  }

  const CHROME =
    "#head, #stage .tab-container, #controls, #foot, .segments, .transports, .save, .readout, .more summary, .export-row, .gr-accordion > .label-wrap, .lesson, footer";
  const WITH_ROLES = ".numbers, .charts, .filmstrip, .formulas, .error-at-field, .refused"; // data, and errors

  /** Parts of the chrome that have the colour of a role, its name first, or another hue than slate; but for the ring of the focus. */
  function hued() {
    const roles = ["picture", "noise", "prediction", "error", "mixture"].map((role) => [
      role,
      rgba(getComputedStyle(document.body).getPropertyValue(`--${role}`).trim()),
    ]);
    const found = new Set();
    for (const around of onPage(CHROME)) {
      for (const node of [around, ...around.querySelectorAll("*")]) {
        if (node.closest(`${WITH_ROLES}, svg`) || !isShown(node)) continue;
        const style = getComputedStyle(node);
        const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
        const wears = { background: style.backgroundColor };
        if (own || node.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea")) {
          wears.color = style.color;
        }
        for (const side of ["Top", "Right", "Bottom", "Left"]) {
          if (parseFloat(style[`border${side}Width`])) wears[`border${side}`] = style[`border${side}Color`];
        }
        if (node.matches("input") && style.accentColor !== "auto") wears.accent = style.accentColor;
        if (node === document.activeElement && style.outlineStyle !== "none") wears.outline = style.outlineColor;
        for (const [what, colour] of Object.entries(wears)) {
          const value = rgba(colour);
          for (const [role, [r, g, b]] of roles) {
            if (value[3] > 0 && value[0] === r && value[1] === g && value[2] === b) {
              found.add(`${role}: ${what} of ${named(node)}`);
            }
          }
          const chroma = Math.max(...value.slice(0, 3)) - Math.min(...value.slice(0, 3));
          if (value[3] > 0 && chroma > 60 && what !== "outline") found.add(`a hue: ${what} of ${named(node)}`);
        }
      }
    }
    return [...found];
  }

  /** What can be pressed and is less than `least` pixels wide or high. */
  function small(least) {
    const found = [];
    const marks = "input:is([type=radio], [type=checkbox])"; // are as large as their labels
    for (const node of onPage(
      `button, input:not(${marks}), select, textarea, summary, label:has(${marks}), [role=tab], [role=button]`,
    )) {
      if (node.closest(".toast-wrap") || isDisabled(node)) continue;
      const { width, height } = box(node);
      if (Math.min(width, height) < least - slack) {
        found.push(`${named(node)}: ${width.toFixed()} × ${height.toFixed()}`);
      }
    }
    return found;
  }

  return { seen, film, faint, hued, small, contrast };
})();
