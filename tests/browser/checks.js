// What checks.py asks a page, as functions that only look. Run as an expression: its value is the object.
({
  /** Texts of values that nobody should see. */
  brokenTexts() {
    const words = /\b(NaN|undefined|null|Infinity)\b|\[object/;
    const seen = [...document.querySelectorAll("main *, header *, footer *")]
      .filter((element) => element.children.length === 0 && !element.closest("script"))
      .map((element) => element.textContent);
    return seen.filter((text) => words.test(text)).slice(0, 5);
  },

  /** Charts in which something that should be there is not drawn. */
  emptyCharts() {
    const drawn = (mark) => {
      const box = mark.getBBox();
      return box.width + box.height > 0;
    };
    const full = (plot) => {
      if ([...plot.querySelectorAll("rect.bar")].some(drawn)) return true;
      const lines = [...plot.querySelectorAll("path.line")];
      const dots = plot.querySelectorAll("circle.dot").length;
      // A single day is a dot and an empty line, a single score a dot.
      if (dots > 0 && dots <= Math.max(lines.length, 2)) return true;
      return lines.length > 0 && lines.every(drawn);
    };
    return [...document.querySelectorAll(".plot")]
      .filter((plot) => !full(plot))
      .map((plot) => plot.getAttribute("aria-label"));
  },

  /** Names in charts that leave their drawing. */
  textsOutside() {
    return [...document.querySelectorAll(".plot svg text")]
      .filter((text) => {
        const [box, image] = [
          text.getBoundingClientRect(),
          text.ownerSVGElement.getBoundingClientRect(),
        ];
        return (
          box.left < image.left - 3 || box.right > image.right + 3 || box.bottom > image.bottom + 3
        );
      })
      .map((text) => text.textContent);
  },

  /** How far the page reaches beyond the window, in pixels, and what does. */
  overflow() {
    const beyond = document.documentElement.scrollWidth - window.innerWidth;
    if (beyond <= 0) return null;
    const wide = [...document.querySelectorAll("body *")].find(
      (element) =>
        element.getBoundingClientRect().right > window.innerWidth && !element.closest(".scroll"),
    );
    return `${beyond} px, at ${wide?.tagName} ${wide?.className}`;
  },

  /** What a screen reader would not understand. */
  unnamed() {
    const troubles = [];
    for (const image of document.querySelectorAll("svg"))
      if (!image.getAttribute("aria-label") || image.getAttribute("role") !== "img")
        troubles.push("an image without a name");
    for (const field of document.querySelectorAll("input, select"))
      if (!field.labels?.length && !field.getAttribute("aria-label"))
        troubles.push("a field without a label");
    for (const button of document.querySelectorAll("button"))
      if (!button.textContent.trim() && !button.hidden) troubles.push("a button without a text");
    for (const head of document.querySelectorAll("th"))
      if (!head.getAttribute("scope")) troubles.push(`a heading of nothing: ${head.textContent}`);
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    if (new Set(ids).size !== ids.length) troubles.push("an id twice");
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
      const next = Number(heading.tagName[1]);
      if (next > level + 1) troubles.push(`a level is left out before ${heading.textContent}`);
      level = next;
    }
    return troubles;
  },

  /** Texts whose contrast is below 4.5 (WCAG 2.1 AA), or below 3 where they are large. */
  paleTexts() {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const known = new Map();
    const rgba = (color) => {
      if (!known.has(color)) {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
        known.set(color, [...pen.getImageData(0, 0, 1, 1).data]);
      }
      return known.get(color);
    };
    const light = ([r, g, b]) => {
      const part = (value) =>
        value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const ground = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const color = rgba(getComputedStyle(each).backgroundColor);
        if (color[3] > 200) return color;
      }
      return [255, 255, 255, 255];
    };
    const troubles = new Set();
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (
        !own ||
        element.closest("script, noscript, [hidden], option") ||
        !element.getClientRects().length
      )
        continue;
      const style = getComputedStyle(element);
      const color = rgba(element.closest("svg") ? style.fill : style.color);
      const [dark, bright] = [light(color), light(ground(element))].sort((a, b) => a - b);
      const contrast = (bright + 0.05) / (dark + 0.05);
      const large =
        parseFloat(style.fontSize) >= 24 ||
        (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
      if (contrast < (large ? 3 : 4.5))
        troubles.add(
          `${element.tagName}.${element.getAttribute("class")} ${contrast.toFixed(2)}: ${element.textContent.slice(0, 30)}`,
        );
    }
    return [...troubles].slice(0, 8);
  },

  /** The cells of a column of the first table with a class. */
  column(table, number) {
    return [...document.querySelectorAll(`table.${table} tbody tr`)].map((row) =>
      row.children[number].innerText.trim(),
    );
  },

  /** Presses a button by its text, inside of a place. */
  press(place, text) {
    const button = [...document.querySelectorAll(`${place} button`)].find(
      (each) => each.textContent.trim() === text,
    );
    if (!button) throw new Error(`no button ${text} in ${place}`);
    button.click();
  },

  /** Fills a field as a person does. */
  fill(selector, value) {
    const field = document.querySelector(selector);
    field.value = value;
    field.dispatchEvent(
      new Event(field.tagName === "SELECT" ? "change" : "input", { bubbles: true }),
    );
  },
});
