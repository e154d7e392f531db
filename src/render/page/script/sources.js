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
  const newest = (it) => [it.form, it.buildkit && `BuildKit ${it.buildkit}`].filter(Boolean).join(", ");
  const columns = [
    ["Pipeline", "", (it) => it.source || `${it.kind || "unknown"}, source not stated`],
    ["Workflow", "", (it) => it.workflow || ""],
    !isOne && ["Repositories", "", (it) => (it.names.length === 1 ? it.names[0] : n(it.names.length))],
    ["Last push", "", (it) => (it.last_push ? String(it.last_push).slice(0, 10) : "")],
    ["Newest form", "", newest],
    ["Pushes", "num", (it) => n(it.pushes)],
    ["Attestations", "num", (it) => n(it.attestations)],
    ["Of the last 30 days", "num", (it) => n(it.lately)],
  ].filter(Boolean);
  const rows = all.slice(0, most).map((it) => columns.map(([, , cell]) => cell(it)));
  return card(
    "sources",
    "Where attestations come from",
    scrolling("Sources", table(columns, rows)),
    all.length > most &&
      el(
        "p",
        { class: "small soft last" },
        `And ${counted(all.length - most, "more pipeline", "more pipelines")}; each repository has its own.`,
      ),
  );
}
