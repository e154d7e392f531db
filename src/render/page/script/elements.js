const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat("en");
const n = (value) => numbers.format(value);
const counted = (count, one, many) => `${n(count)} ${count === 1 ? one : many}`;

// Elements. Text from the data only ever becomes text nodes and attribute values.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(child));
  }
  return element;
}
const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** A row of a table. The cells are texts, elements or nothing, in the order of the columns. */
const line = (columns, cells) =>
  el(
    "tr",
    {},
    cells.map((cell, position) => el("td", { class: columns[position][1] }, cell)),
  );

/** A table of columns, each of its words and the classes of its head and its cells. */
const table = (columns, rows, kind) =>
  el(
    "table",
    { class: kind },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        columns.map(([words, classes]) => el("th", { scope: "col", class: classes }, words)),
      ),
    ),
    el(
      "tbody",
      {},
      rows.map((cells) => line(columns, cells)),
    ),
  );

/** What may be wider than the page. */
const scrolling = (label, ...children) =>
  el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, children);

/** A part of the page with a heading. */
const card = (id, heading, ...children) =>
  el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, heading), children);
