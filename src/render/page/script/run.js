// The parts of the page about the whole run.

function head() {
  const { run } = data;
  const place = run.account ? `account ${run.account}` : "a registry without repositories";
  const state =
    data.mode === "explain"
      ? null
      : data.complete
        ? el("span", { class: "state" }, "complete")
        : el("span", { class: "state bad" }, "not complete");
  byId("top").replaceChildren(
    el("h1", {}, data.title, state),
    el(
      "p",
      { class: "meta" },
      data.mode === "explain" && [el("span", {}, place), el("span", {}, `Region ${run.region}`)],
      el("span", {}, `configuration: ${run.configuration}`),
      el("span", {}, minute(started)),
      el("span", {}, "run ", el("code", {}, run.run_id)),
    ),
  );
  byId("bottom").replaceChildren(
    el(
      "p",
      {},
      `${data.program}. This file is complete in itself: it asks no server for anything. It is for reading; programs take --output json.`,
    ),
    el(
      "p",
      { class: "keys" },
      el("kbd", {}, "/"),
      " search  ",
      el("kbd", {}, "Esc"),
      " back  ",
      el("kbd", {}, "↑"),
      " ",
      el("kbd", {}, "↓"),
      " from image to image  ",
      el("kbd", {}, "Enter"),
      " hold the note of an image, and link to it",
    ),
  );
}

function tiles() {
  const { totals } = data;
  const state = (totals.attestations || {}).by_state || {};
  const now = data.what_if.length > 0 ? data.what_if[0].now : null;
  const later = data.what_if.length > 0 ? data.what_if[0].later : null;
  const tile = (value, words) => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, words));
  const all = (going) => going.attestations + going.indexes + going.images + going.others;
  const made = [];
  if (totals.attestations) {
    made.push(
      tile(
        n(totals.attestations.total),
        `attestations among ${counted(totals.images, "image", "images")} in ${counted(totals.repositories, "repository", "repositories")}`,
      ),
    );
    made.push(
      tile(
        n(state.orphaned || 0),
        `orphaned; ${n(state.superseded || 0)} superseded, ${n(state.attached || 0)} attached`,
      ),
    );
  }
  if (plans) {
    made.push(
      tile(
        n(totals.planned),
        `would be changed by this run${now && all(now) > 0 ? ` (${size(now.bytes)})` : ""}`,
      ),
    );
    if (later && all(later) > all(now))
      made.push(tile(n(all(later)), "would go in all, once waiting periods are over"));
  } else {
    made.push(
      tile(
        n(totals.deleted),
        `deleted (${size(totals.bytes_deleted)})${totals.tagged > 0 ? `; ${n(totals.tagged)} tagged` : ""}`,
      ),
    );
  }
  if (totals.limit_reached > 0)
    made.push(
      tile(
        n(totals.limit_reached),
        `wait for their turn${totals.runs_left ? `, about ${counted(totals.runs_left, "more run", "more runs")}` : ""}`,
      ),
    );
  if (totals.failed + totals.deadline > 0)
    made.push(tile(n(totals.failed + totals.deadline), "failed, or out of time"));
  return el("div", { class: "tiles" }, made);
}

function presets() {
  if (data.what_if.length === 0) return null;
  const columns = [
    ["Preset"],
    ["When", "soft"],
    ["Attestations", "num"],
    ["Indexes", "num"],
    ["Images", "num"],
    ["Others", "num"],
    ["Bytes", "num"],
  ];
  const row = (name, when, going) => [
    name,
    when,
    ...[going.attestations, going.indexes, going.images, going.others].map(n),
    size(going.bytes),
  ];
  const rows = data.what_if.flatMap((it, position) => {
    const name = `${it.preset}${position === 0 ? " (in force)" : ""}`;
    return [row(name, "now", it.now), row(name, "later, in all", it.later)];
  });
  return card("presets", "What would go under each preset", scrolling("Presets", table(columns, rows)));
}

function trend() {
  if (!data.trend || data.trend.runs.length === 0) return null;
  const { runs, older } = data.trend;
  const most = Math.max(...runs.map((it) => it.deleted || 0), 1);
  const step = 1000 / Math.max(runs.length, 12),
    wide = Math.min(step * 0.7, 40);
  const bars = runs.map((it, position) => {
    const height = it.deleted === null ? 4 : Math.max((it.deleted * 64) / most, it.deleted > 0 ? 1.5 : 0);
    const what =
      it.deleted === null
        ? "not known what was deleted"
        : `${n(it.deleted)} deleted (${size(it.bytes)})`;
    return svg(
      "rect",
      {
        class: it.deleted === null ? "cut" : "",
        x: position * step + (step - wide) / 2,
        y: 72 - height,
        width: wide,
        height,
      },
      svg("title", {}, `${it.run_id}: ${what}`),
    );
  });
  const label = `Images deleted by ${counted(runs.length, "run", "runs")}, at most ${n(most)} in one`;
  const rows = runs.map((it) => [
    el("code", {}, it.run_id),
    it.deleted === null ? "unknown" : n(it.deleted),
    it.bytes === null ? "" : size(it.bytes),
  ]);
  const columns = [["Run"], ["Deleted", "num"], ["Bytes", "num"]];
  return card(
    "trend",
    "Earlier runs",
    svg(
      "svg",
      {
        class: "trend",
        viewBox: "0 0 1000 90",
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": label,
      },
      svg("line", { class: "axis", x1: 0, x2: 1000, y1: 72.5, y2: 72.5 }),
      bars,
    ),
    el(
      "p",
      { class: "small soft" },
      `${minute(Date.parse(runs[0].started_at)).slice(0, 10)} to ${minute(Date.parse(runs[runs.length - 1].started_at)).slice(0, 10)}: ${counted(runs.length, "run that deleted", "runs that deleted")} something, at most ${n(most)} images in one`,
      older > 0 && `; ${n(older)} older are not shown`,
      ". From the backups, as far as they reach.",
    ),
    el("details", {}, el("summary", { class: "small" }, "As a table"), table(columns, rows)),
  );
}

function whole() {
  const known = data.repositories.filter((it) => it.before);
  if (known.length === 0) return null;
  const add = (key) => SEGMENTS.map((_, position) => sum(known.map((it) => it[key][position])));
  const [before, after] = [add("before"), add("after")];
  return card(
    "whole",
    "The registry before and after",
    el(
      "div",
      { class: "ends" },
      el("span", {}, "before"),
      stacked(before, sum(before), "before", true),
      el("span", {}, "after"),
      stacked(after, sum(before), "after", true),
    ),
    legend(),
  );
}
