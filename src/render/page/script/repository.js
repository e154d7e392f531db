// One repository.

let hiddenTones = new Set();

function repositoryView(repository, digest) {
  const main = byId("main");
  const { nodes, families: all } = graph(repository);
  const pictures = scrolling("The images of the repository");
  const status = el("p", { class: "small soft", role: "status" });
  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Tag, digest, platform or reason",
    "aria-label": "Search the images of this repository",
    autocomplete: "off",
    spellcheck: "false",
  });
  const order = el(
    "select",
    { "aria-label": "Order of the images" },
    [
      ["what", "changes first"],
      ["new", "newest first"],
      ["old", "oldest first"],
    ].map(([value, words]) => el("option", { value }, words)),
  );
  const tones = TONES.filter((it) => nodes.some((node) => node.tone === it));
  const filters = el(
    "div",
    { class: "legend", role: "group", "aria-label": "Decisions" },
    tones.map((it) => {
      const count = nodes.filter((node) => node.tone === it).length;
      const button = el(
        "button",
        {
          type: "button",
          class: `pill ${it}`,
          "aria-pressed": String(!hiddenTones.has(it)),
          onclick: () => {
            if (hiddenTones.has(it)) hiddenTones.delete(it);
            else hiddenTones.add(it);
            button.setAttribute("aria-pressed", String(!hiddenTones.has(it)));
            draw();
          },
        },
        `${SIGNS[it]} ${TONE_WORDS[it]} ${n(count)}`,
      );
      return button;
    }),
  );
  const matching = (node, text) =>
    text === "" ||
    node.digest.includes(text) ||
    node.tags.some((tag) => tag.toLowerCase().includes(text)) ||
    (node.platform || "").toLowerCase().includes(text) ||
    (node.isRow && (node.decision.reason.includes(text) || node.kind.includes(text)));
  function draw() {
    const text = search.value
      .trim()
      .toLowerCase()
      .replace(/^.*sha256:/, "")
      .slice(0, data.digits);
    const shown = all.filter(
      ({ members }) =>
        members.some((it) => !hiddenTones.has(it.tone) && it.isRow) &&
        members.some((it) => matching(it, text)),
    );
    const orders = {
      what: (a, b) => a.rank - b.rank || b.newest - a.newest,
      new: (a, b) => b.newest - a.newest,
      old: (a, b) => a.newest - b.newest,
    };
    shown.sort((a, b) => orders[order.value](a, b) || a.members[0].at - b.members[0].at);
    const here = digest && shown.find(({ members }) => members.some((it) => it.digest.startsWith(digest)));
    if (here) {
      shown.splice(shown.indexOf(here), 1);
      shown.unshift(here);
    }
    const single = shown.filter(({ members }) => members.length === 1),
      joined = shown.filter(({ members }) => members.length > 1);
    const groups = new Map();
    single.forEach(({ members: [node] }) => {
      const key = node.isRow
        ? `${node.kind}, ${TONE_WORDS[node.tone]}: ${node.decision.reason}`
        : `${node.kind}, ${TONE_WORDS.context}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(node);
    });
    const part = ([words, group]) =>
      el(
        "div",
        { class: "family" },
        el(
          "h3",
          {},
          `${counted(group.length, "image that stands alone", "images that stand alone")}: ${words}`,
        ),
        pills(repository, group),
      );
    const comesFirst = ([, group]) =>
      (order.value === "what" && group[0].tone !== "keep") ||
      group.some((it) => digest && it.digest.startsWith(digest));
    const before = [...groups].filter(comesFirst),
      after = [...groups].filter((it) => !comesFirst(it));
    const heads =
      joined.length > 0
        ? el(
            "div",
            { class: "heads", "aria-hidden": "true" },
            svg(
              "svg",
              { viewBox: `0 0 ${WIDTH} 18` },
              HEADS.map(([column, words]) =>
                svg(
                  "text",
                  {
                    x: column === "tags" ? TAGS_END : COLUMNS[column][0],
                    y: 13,
                    "text-anchor": column === "tags" ? "end" : "start",
                  },
                  words,
                ),
              ),
            ),
          )
        : "";
    const body = el("div", {}),
      more = el("div", {});
    let next = 0;
    const go = (count) => {
      body.append(...joined.slice(next, next + count).map((family) => drawing(repository, family, nodes)));
      next = Math.min(next + count, joined.length);
      more.replaceChildren(
        next < joined.length
          ? el(
              "button",
              { type: "button", class: "more", onclick: () => go(FAMILIES * 5) },
              `Draw more: ${n(joined.length - next)} of ${counted(joined.length, "family", "families")} are left`,
            )
          : "",
      );
    };
    go(FAMILIES);
    pictures.replaceChildren(...before.map(part), heads, body, more, ...after.map(part));
    status.textContent = `${counted(sum(shown.map(({ members }) => members.filter((it) => it.isRow).length)), "decision", "decisions")} in ${counted(shown.length, "family", "families")}`;
  }
  search.addEventListener("input", draw);
  order.addEventListener("change", draw);
  draw();
  const isOne = data.mode === "explain";
  const images = [
    nodes.length === 0
      ? el("p", { class: "soft" }, "There is nothing to draw: no attestation, and nothing to be changed.")
      : [
          el("div", { class: "tools" }, el("div", { class: "grow" }, search), order),
          filters,
          status,
          pictures,
        ],
    folded(repository),
  ];
  main.replaceChildren(
    ...(isOne ? [explanation()] : heading(repository)),
    card("images", isOne ? "What is around it" : "Images and how they hang together", images),
  );
  if (digest) point(repository, digest);
}

/** An explanation of lines, of which some have a label of sixteen columns. */
function explanation() {
  const parts = [];
  let pairs = null;
  for (const line of data.explanation.split("\n").slice(1)) {
    const label = line.slice(0, 16);
    if (/\S.* {2}$/.test(label)) {
      if (!pairs) parts.push((pairs = []));
      pairs.push([label.trim(), line.slice(16)]);
    } else if (pairs && pairs.length > 0 && label.trim() === "" && line.length > 16) {
      pairs.push(["\u00a0", line.slice(16)]);
    } else {
      pairs = null;
      if (line.trim()) parts.push(line);
    }
  }
  const shown = parts.map((it) =>
    typeof it === "string" ? el("p", { class: it.startsWith(" ") ? "inner" : "" }, it) : facts(it),
  );
  return el(
    "section",
    { class: "card words", "aria-labelledby": "words" },
    el("h2", { id: "words" }, "In words"),
    el("p", {}, el("code", {}, data.explanation.split("\n")[0])),
    shown,
  );
}

function heading(repository) {
  const total = repository.before ? sum(repository.before) : 0;
  const bars = total > 0 && [
    el(
      "div",
      { class: "ends" },
      el("span", {}, "before"),
      stacked(repository.before, total, "before", true),
      el("span", {}, "after"),
      stacked(repository.after, total, "after", true),
    ),
    legend(),
  ];
  return [
    el(
      "p",
      { class: "crumbs" },
      el("a", { href: "#/" }, "All repositories"),
      " / ",
      el("span", {}, repository.name),
    ),
    card("name", repository.name, about(repository), bars),
    sources([repository], Infinity),
  ].filter(Boolean);
}

function about(repository) {
  const { pressure } = repository;
  const kinds = Object.entries(repository.kinds || {})
    .map(([kind, count]) => `${kind} ${n(count)}`)
    .join(", ");
  return facts([
    ["Outcome", repository.what],
    ["Why", repository.detail || repository.reason],
    ["Images", repository.images === null ? "" : n(repository.images)],
    ["Not attestations", kinds && `${kinds}. What no decision names is only counted.`],
    [
      "Quota",
      repository.quota !== null && repository.quota >= 0.1
        ? `${(repository.quota * 100).toFixed(0)} % of the images that ECR allows a repository by default`
        : "",
    ],
    [
      "Most referrers",
      pressure
        ? `${n(pressure.referrers)} of 100 refer to ${pressure.subject}, ${n(pressure.attestations)} of them attestations`
        : "",
    ],
  ]);
}

function folded(repository) {
  const { unlisted } = repository;
  const rest =
    unlisted > 0
      ? el(
          "p",
          { class: "small soft" },
          `${counted(unlisted, "image that is kept has", "images that are kept have")} no decision of its own in the report.`,
        )
      : null;
  if (repository.folded.length === 0) return rest;
  const total = sum(repository.folded.map(([, count]) => count));
  const columns = [
    ["What"],
    ["State"],
    ["Decision"],
    ["Reason"],
    ["Images", "num"],
    ["Bytes", "num"],
  ];
  const row = ([number, count, bytes]) => {
    const it = classes[number];
    return [it.kind, it.state || "", TONE_WORDS[it.tone], it.reason, n(count), size(bytes)];
  };
  return el(
    "div",
    {},
    el("h3", {}, `${counted(total, "decision that is", "decisions that are")} counted and not drawn`),
    table(columns, repository.folded.map(row)),
    rest,
  );
}
