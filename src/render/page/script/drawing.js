// Drawing.

const ROW = 27,
  NODE = 21;
const COLUMNS = { tags: [0, 176], index: [184, 220], image: [444, 220], about: [704, 250], why: [966, 200] };
const WIDTH = 1170,
  TAGS_END = 176;
const HEADS = [
  ["tags", "Tags"],
  ["index", "Indexes"],
  ["image", "Images"],
  ["about", "Attestations, signatures"],
  ["why", "Why"],
];
const MOST_ROWS = 60,
  MOST_PILLS = 120,
  FAMILIES = 40,
  REPOSITORIES = 400,
  FOUND = 60;

const short = (digest) => digest.slice(0, 12);
const cut = (text, most) => ([...text].length > most ? [...text].slice(0, most - 1).join("") + "…" : text);

function spoken(repository, node) {
  const parts = [
    `${node.kind} ${short(node.digest)}`,
    node.platform,
    ...node.tags.map((tag) => `tag ${tag}`),
  ];
  if (!node.isRow) return [...parts, TONE_WORDS.context].filter(Boolean).join(", ");
  return [...parts, TONE_WORDS[node.tone], node.decision.reason].filter(Boolean).join(", ");
}

function box(repository, { node, row, column, depth, again }) {
  const [left, width] = COLUMNS[column];
  const x = left + depth * 14,
    y = row * ROW + 3,
    wide = width - depth * 14;
  const named = ["attestation", "index", "image", "manifest"].includes(node.kind) ? "" : `${node.kind} `;
  const extra = node.platform && column !== "index" ? node.platform : "";
  return svg(
    "g",
    {
      class: `node ${node.tone}${again ? " again" : ""}`,
      role: "button",
      tabindex: "-1",
      "data-node": node.at,
      "aria-label": spoken(repository, node) + (again ? ", once more" : ""),
    },
    svg("rect", { x, y, width: wide, height: NODE, rx: 4 }),
    svg(
      "text",
      { x: x + 8, y: y + 14.5 },
      `${SIGNS[node.tone]} ${cut(named, 13)}${short(node.digest)} `,
      extra && svg("tspan", { class: "dim" }, cut(extra, named ? 5 : 14)),
    ),
  );
}

function edge(from, to, kind) {
  const [a, b] = [from, to].map(({ row, column, depth }) => {
    const [left, width] = COLUMNS[column];
    return { left: left + depth * 14, right: left + width, y: row * ROW + 3 + NODE / 2 };
  });
  let path;
  if (from.column === to.column) path = `M${a.left + 6} ${a.y + NODE / 2} V${b.y} H${b.left}`;
  else if (from.row === to.row) path = `M${a.right} ${a.y} H${b.left}`;
  else path = `M${a.right} ${a.y} H${a.right + 14} V${b.y} H${b.left}`;
  return svg("path", { class: `edge ${kind}`, d: path });
}

function edges(places) {
  const indexes = new Map(places.filter((it) => it.column === "index").map((it) => [it.node.at, it]));
  return places.flatMap((to) => {
    if (to.column === "index") {
      return to.node.parents
        .map((parent) => indexes.get(parent))
        .filter((from) => from && from !== to)
        .map((from) => edge(from, to, ""));
    }
    if (!to.from) return [];
    // That an index lists the image that its attestation speaks of is only nearly certain.
    const isGuess = to.column === "image" && !to.node.parents.includes(to.from.node.at);
    return [edge(to.from, to, isGuess ? "guess" : "")];
  });
}

/** The reason beside the last node of a row that has one. */
function reasons(places) {
  const last = new Map();
  places.forEach((it) => {
    if (it.node.isRow && !it.again) last.set(it.row, it);
  });
  return [...last.values()].map(({ node, row }) =>
    svg(
      "text",
      { class: `whyline ${node.tone}`, x: COLUMNS.why[0], y: row * ROW + 17.5 },
      cut(
        node.tone === "keep" ? node.decision.reason : `${TONE_WORDS[node.tone]}: ${node.decision.reason}`,
        34,
      ),
    ),
  );
}

function tagsOf({ node, row }) {
  if (node.tags.length === 0) return null;
  const shown = node.tags.slice(0, 2).map((tag) => cut(tag, node.tags.length > 1 ? 11 : 24));
  const more = node.tags.length - shown.length;
  return svg(
    "text",
    { class: "tagline", x: TAGS_END, y: row * ROW + 17.5, "text-anchor": "end" },
    shown.join(", "),
    more > 0 && svg("tspan", { class: "tagline more" }, ` +${n(more)}`),
  );
}

function drawing(repository, family, nodes) {
  const all = placed(family, nodes);
  const holder = el("div", { class: "family" });
  const draw = (most) => {
    const places = all.places.filter((it) => it.row < most);
    const rows = Math.min(all.rows, most);
    const picture = svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${rows * ROW}`,
        role: "group",
        "aria-label": `${counted(family.members.length, "image", "images")} that belong together`,
      },
      edges(places),
      places.map((it) => (it.column === "index" ? tagsOf(it) : null)),
      places.map((it) => box(repository, it)),
      reasons(places),
    );
    const first = picture.querySelector(".node");
    if (first) first.setAttribute("tabindex", "0");
    const rest = all.rows - rows;
    holder.replaceChildren(
      picture,
      rest > 0
        ? el(
            "button",
            {
              type: "button",
              class: "more",
              onclick: () => {
                draw(Infinity);
              },
            },
            `Draw ${counted(rest, "more row", "more rows")} of this family`,
          )
        : "",
    );
  };
  const here = route().digest;
  draw(here && family.members.some((it) => it.digest.startsWith(here)) ? Infinity : MOST_ROWS);
  return holder;
}

function pills(repository, group) {
  const holder = el("div", { class: "pills" });
  const add = (from, to) =>
    group.slice(from, to).forEach((node) =>
      holder.append(
        el(
          "button",
          {
            type: "button",
            class: `pill node ${node.tone}`,
            "data-node": node.at,
            "aria-label": spoken(repository, node),
          },
          `${SIGNS[node.tone]} ${short(node.digest)}${node.tags.length > 0 ? ` ${cut(node.tags[0], 24)}` : ""}`,
        ),
      ),
    );
  const here = route().digest;
  const most = here && group.some((it) => it.digest.startsWith(here)) ? group.length : MOST_PILLS;
  add(0, most);
  if (group.length > most) {
    const more = el(
      "button",
      {
        type: "button",
        class: "more",
        onclick: () => {
          more.remove();
          add(most);
        },
      },
      `${counted(group.length - most, "more image", "more images")}`,
    );
    holder.append(more);
  }
  return holder;
}

function stacked(values, total, label, big) {
  let x = 0;
  const parts = values.map((value, position) => {
    const width = total > 0 ? (value * 1000) / total : 0;
    const part =
      width > 0 ? svg("rect", { class: `f-${SEGMENTS[position]}`, x, y: 0, width, height: 10 }) : null;
    x += width;
    return part;
  });
  const words = values
    .map((value, position) => value > 0 && `${n(value)} ${SEGMENT_WORDS[SEGMENTS[position]]}`)
    .filter(Boolean);
  const text = `${label}: ${words.join(", ") || "nothing"}`;
  return svg(
    "svg",
    {
      class: `bar${big ? " big" : ""}`,
      viewBox: "0 0 1000 10",
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": text,
    },
    svg("title", {}, text),
    svg("rect", { class: "f-track", x: 0, y: 0, width: 1000, height: 10 }),
    parts,
  );
}
const sum = (values) => values.reduce((all, value) => all + value, 0);

function legend() {
  return el(
    "ul",
    { class: "legend" },
    SEGMENTS.map((name) =>
      el(
        "li",
        {},
        svg(
          "svg",
          { viewBox: "0 0 10 10", "aria-hidden": "true" },
          svg("rect", { class: `f-${name}`, width: 10, height: 10, rx: 2 }),
        ),
        SEGMENT_WORDS[name],
      ),
    ),
  );
}

const facts = (pairs) =>
  el(
    "dl",
    { class: "facts" },
    pairs.filter(([, text]) => text).map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]),
  );
