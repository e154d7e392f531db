// ---- Where attestations come from, as far as the report knows.

const listOf = (value) => (Array.isArray(value) ? value.filter((it) => it && typeof it === "object") : []);

/** The pipelines of some repositories, each once, those that make most first. */
function pipelines(repositories) {
  const merged = new Map();
  for (const repository of repositories) {
    for (const it of listOf(repository.sources)) {
      const key = JSON.stringify([it.kind, it.source, it.workflow]);
      const one = merged.get(key) || {
        ...it,
        attestations: 0,
        lately: 0,
        pushes: 0,
        names: [],
        last_push: null,
      };
      one.attestations += it.attestations || 0;
      one.lately += it.attestations_of_the_last_30_days || 0;
      one.pushes += it.pushes || 0;
      if (it.last_push && (!one.last_push || it.last_push > one.last_push)) one.last_push = it.last_push;
      one.names.push(repository.name);
      merged.set(key, one);
    }
  }
  return [...merged.values()].sort((a, b) => b.lately - a.lately || b.attestations - a.attestations);
}

function sources(repositories, most) {
  const all = pipelines(repositories);
  if (all.length === 0) return null;
  const isOne = repositories.length === 1;
  const heads = ["Pipeline", "Workflow", !isOne && "Repositories", "Last push", "Form"].filter(Boolean);
  const counts = ["Pushes", "Attestations", "Of the last 30 days"];
  const row = (it) =>
    el(
      "tr",
      {},
      el("td", {}, it.source || `${it.kind || "unknown"}, source not stated`),
      el("td", {}, it.workflow || ""),
      !isOne && el("td", {}, it.names.length === 1 ? it.names[0] : n(it.names.length)),
      el("td", {}, it.last_push ? String(it.last_push).slice(0, 10) : ""),
      el("td", {}, [it.form, it.buildkit && `BuildKit ${it.buildkit}`].filter(Boolean).join(", ")),
      [it.pushes, it.attestations, it.lately].map((count) => el("td", { class: "num" }, n(count))),
    );
  return el(
    "section",
    { class: "card", "aria-labelledby": "sources" },
    el("h2", { id: "sources" }, "Where attestations come from"),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Sources" },
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            heads.map((it) => el("th", { scope: "col" }, it)),
            counts.map((it) => el("th", { scope: "col", class: "num" }, it)),
          ),
        ),
        el("tbody", {}, all.slice(0, most).map(row)),
      ),
    ),
    all.length > most &&
      el(
        "p",
        { class: "small soft last" },
        `And ${counted(all.length - most, "more pipeline", "more pipelines")}; each repository has its own.`,
      ),
  );
}
