// The list of repositories.

let wanted = { text: "", sort: "attestations", busy: false };
const SORTS = {
  attestations: ["most attestations", (a, b) => (b.attestations || 0) - (a.attestations || 0)],
  changes: ["most changes", (a, b) => b.changes - a.changes],
  images: ["most images", (a, b) => (b.images || 0) - (a.images || 0)],
  name: ["name", () => 0],
};
data.repositories.forEach((it, position) => {
  it.position = position;
});
const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const link = (repository, digest) =>
  `#/r/${encodeURIComponent(repository.name)}${digest ? `/${digest}` : ""}`;

const LIST = [
  ["Repository", "c-name"],
  ["Before and after", "c-bar"],
  ["Images", "c-num num optional"],
  ["Attestations", "c-num num optional"],
  ["Changes", "c-num num"],
  ["Outcome", "c-what"],
];

function row(repository) {
  const total = repository.before ? sum(repository.before) : 0;
  const bars =
    repository.before && total > 0
      ? [stacked(repository.before, total, "before"), stacked(repository.after, total, "after")]
      : el("span", { class: "small soft" }, repository.before ? "empty" : "not counted");
  const number = (value) => (value === null ? "" : n(value));
  return line(LIST, [
    el("a", { href: link(repository) }, repository.name),
    bars,
    number(repository.images),
    number(repository.attestations),
    n(repository.changes),
    repository.what,
  ]);
}

/** Images whose digest begins so, or that bear such a tag. */
function found(text) {
  const hits = [];
  const hex = text.replace(/^.*sha256:/, "");
  if (text.length < 3) return hits;
  const isHex = /^[0-9a-f]{4,64}$/.test(hex);
  const part = hex.slice(0, data.digits);
  for (const repository of data.repositories) {
    const { digests, tags } = repository.graph;
    for (
      let at = isHex ? digests.indexOf(part) : -1;
      at >= 0 && hits.length < FOUND;
      at = digests.indexOf(part, at + 1)
    ) {
      if (at % data.digits === 0) hits.push([repository, at / data.digits, null]);
    }
    for (const [at, texts] of Object.entries(tags)) {
      if (hits.length >= FOUND) return hits;
      const tag = texts.map((it) => data.texts[it]).find((it) => it.toLowerCase().includes(text));
      if (tag !== undefined) hits.push([repository, Number(at), tag]);
    }
  }
  return hits;
}

function overview() {
  const main = byId("main");
  const repositories = table(LIST, [], "repositories");
  const matches = el("div", {});
  const status = el("p", { class: "small soft", role: "status" });
  const more = el("div", {});
  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Repository, tag or digest",
    "aria-label": "Search repositories, tags and digests",
    value: wanted.text,
    autocomplete: "off",
    spellcheck: "false",
  });
  const sort = el(
    "select",
    { id: "sort", "aria-label": "Order of the repositories" },
    Object.entries(SORTS).map(([key, [words]]) =>
      el("option", { value: key, selected: key === wanted.sort }, words),
    ),
  );
  const busy = el("input", { type: "checkbox", id: "busy" });
  busy.checked = wanted.busy;
  function list() {
    const text = wanted.text.trim().toLowerCase();
    let shown = data.repositories.filter(
      (it) => it.name.toLowerCase().includes(text) || it.what.toLowerCase().includes(text),
    );
    if (wanted.busy)
      shown = shown.filter((it) => it.changes > 0 || it.status === "failed" || it.status === "stopped");
    shown.sort((a, b) => SORTS[wanted.sort][1](a, b) || byName(a, b));
    const show = (most) => {
      repositories.tBodies[0].replaceChildren(...shown.slice(0, most).map(row));
      more.replaceChildren(
        shown.length > most
          ? el(
              "button",
              { type: "button", class: "more", onclick: () => show(Infinity) },
              `Show ${counted(shown.length - most, "more repository", "more repositories")}`,
            )
          : "",
      );
    };
    show(REPOSITORIES);
    status.textContent = `${n(shown.length)} of ${counted(data.repositories.length, "repository", "repositories")}`;
    const hits = found(text);
    matches.replaceChildren(
      hits.length === 0
        ? ""
        : card(
            "hits",
            `Images with this tag or digest${hits.length >= FOUND ? ` (the first ${FOUND})` : ""}`,
            el(
              "ul",
              {},
              hits.map(([repository, at, tag]) => {
                const digest = repository.graph.digests.slice(at * data.digits, (at + 1) * data.digits);
                return el(
                  "li",
                  {},
                  el("a", { href: link(repository, digest) }, `${repository.name}@${short(digest)}`),
                  tag && ` ${tag}`,
                );
              }),
            ),
          ),
    );
  }
  const changed = () => {
    wanted = { text: search.value, sort: sort.value, busy: busy.checked };
    keep();
    list();
  };
  search.addEventListener("input", changed);
  sort.addEventListener("change", changed);
  busy.addEventListener("change", changed);
  list();
  main.replaceChildren(
    ...[
      notes(),
      tiles(),
      whole(),
      el(
        "div",
        { class: "pair" },
        card(
          "facts",
          "In words",
          facts(data.facts.map(({ label, text }) => [label, text])),
          el("p", { class: "small soft last" }, data.closing),
        ),
        presets(),
        trend(),
      ),
      sources(data.repositories, 12),
      card(
        "list",
        "Repositories",
        el(
          "div",
          { class: "tools" },
          el("div", { class: "grow" }, search),
          sort,
          el("label", { class: "check", for: "busy" }, busy, "with changes or failures only"),
        ),
        status,
        matches,
        repositories,
        more,
      ),
    ].filter(Boolean),
  );
}

function notes() {
  const made = [];
  if (data.folded > 0) {
    made.push(
      el(
        "p",
        { class: "note" },
        `${n(data.drawn)} of ${n(data.drawn + data.folded)} decisions are drawn one by one, changes and failures first; the other ${n(data.folded)} are counted in their repositories, by what was decided and why. The JSON report has each.`,
      ),
    );
  }
  return made.length > 0 ? el("div", {}, made) : null;
}
