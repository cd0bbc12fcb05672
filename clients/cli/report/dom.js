/* Elements from values. Texts become text nodes: nothing of a report is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child none is left out */

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes on…: listeners; style: CSS properties by name
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style")
      for (const [property, text] of Object.entries(value))
        /** @type {HTMLElement} */ (element).style.setProperty(property, String(text));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
function appendAll(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) appendAll(element, child);
    else if (child !== null && child !== undefined && child !== false)
      element.append(typeof child === "number" ? String(child) : child);
  }
}

/**
 * An HTML element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  appendAll(element, children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  appendAll(element, children);
  return element;
}

/**
 * The element that page.html has for a part.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * A name that may be broken where it has underscores.
 * @param {string} name
 * @returns {Child[]}
 */
export function breakable(name) {
  return name.split(/(?<=_)/).flatMap((piece, i) => (i ? [html("wbr"), piece] : [piece]));
}

/**
 * Says that there is nothing to show, and why.
 * @param {...Child} why
 */
export function emptyNote(...why) {
  return html("p", { class: "empty" }, why);
}

/**
 * A table of texts: the first column names the row, those after the first `names` are numbers.
 * @param {string} caption
 * @param {string[]} heads
 * @param {Child[][]} rows
 * @param {number} [names]
 */
export function plainTable(caption, heads, rows, names = 1) {
  const kind = (/** @type {number} */ column) => (column < names ? null : "number");
  const cell = (/** @type {Child} */ value, /** @type {number} */ column) =>
    column === 0 ? html("th", { scope: "row" }, value) : html("td", { class: kind(column) }, value);
  return html(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    html(
      "table",
      { class: "plain" },
      html("caption", {}, caption),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          heads.map((head, i) => html("th", { scope: "col", class: kind(i) }, head)),
        ),
      ),
      html(
        "tbody",
        {},
        rows.map((row) => html("tr", {}, row.map(cell))),
      ),
    ),
  );
}

/**
 * The numbers behind a chart, built when they are opened.
 * @param {string} caption
 * @param {string[]} heads
 * @param {() => Child[][]} rows
 */
export function dataBehind(caption, heads, rows) {
  const details = html("details", { class: "behind" }, html("summary", {}, "Data as a table"));
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(plainTable(caption, heads, rows()));
  });
  return details;
}

/**
 * Buttons of which one is pressed.
 * @param {string} label
 * @param {string[]} choices the first is pressed at the beginning
 * @param {(choice: number) => void} choose
 */
export function choiceButtons(label, choices, choose) {
  const buttons = choices.map((text, number) =>
    html("button", { type: "button", "aria-pressed": number === 0 ? "true" : "false" }, text),
  );
  buttons.forEach((button, number) =>
    button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      choose(number);
    }),
  );
  return html("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/**
 * A word with its colour, for a legend.
 * @param {string} kind class of the mark
 * @param {string} text
 */
export function legendItem(kind, text) {
  return html("span", { class: "legend-item" }, html("i", { class: `swatch ${kind}` }), text);
}
