// The nodes of a repository, out of its columns.

const graphs = new Map();
function graph(repository) {
  if (graphs.has(repository)) return graphs.get(repository);
  const { digits } = data;
  const columns = repository.graph;
  const rows = columns.class.length;
  const count = columns.digests.length / digits;
  const list = (value) => (value === -1 ? [] : Array.isArray(value) ? value : [value]);
  const nodes = [];
  for (let at = 0; at < count; at += 1) {
    const isRow = at < rows;
    const kind = isRow ? classes[columns.class[at]] : null;
    const more = columns.more[at] || {};
    nodes.push({
      at,
      isRow,
      digest: columns.digests.slice(at * digits, (at + 1) * digits),
      decision: kind,
      kind: isRow ? kind.kind : columns.others[at - rows],
      tone: isRow ? kind.tone : "context",
      parents: isRow ? list(columns.parents[at]) : [],
      subject: isRow ? columns.subject[at] : -1,
      because: isRow ? list(columns.because[at]) : [],
      size: isRow ? columns.size[at] : null,
      pushed: isRow && columns.pushed[at] !== null ? started - columns.pushed[at] * 60000 : NaN,
      platform: isRow && columns.platform[at] >= 0 ? data.texts[columns.platform[at]] : null,
      tags: (columns.tags[at] || []).map((text) => data.texts[text]),
      more,
      children: [],
      about: [],
    });
  }
  for (const node of nodes) {
    node.parents.forEach((parent) => nodes[parent].children.push(node.at));
    if (node.subject >= 0) nodes[node.subject].about.push(node.at);
  }
  const made = { nodes, families: families(nodes) };
  graphs.set(repository, made);
  return made;
}

/** Nodes that hang together by lists and subjects. */
function families(nodes) {
  const root = nodes.map((_, at) => at);
  const find = (at) => {
    while (root[at] !== at) {
      root[at] = root[root[at]];
      at = root[at];
    }
    return at;
  };
  const join = (a, b) => {
    root[find(a)] = find(b);
  };
  for (const node of nodes) {
    node.parents.forEach((parent) => join(node.at, parent));
    if (node.subject >= 0) join(node.at, node.subject);
  }
  const groups = new Map();
  for (const node of nodes) {
    const key = find(node.at);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(node);
  }
  return [...groups.values()].map((members) => ({
    members,
    newest: members.reduce((most, it) => (it.pushed > most ? it.pushed : most), -Infinity),
    rank: members.reduce(
      (least, it) => Math.min(least, it.tone === "context" ? 9 : TONES.indexOf(it.tone)),
      9,
    ),
  }));
}

/**
 * Places for the nodes of a family, a row and a column each. Every index stands with what it lists; what another
 * index has shown before stands there once more, as a shadow.
 */
function placed(family, nodes) {
  const seen = new Set(),
    places = [];
  const inside = new Set(family.members.map((it) => it.at));
  const isIndex = (node) => node.kind === "index" || node.children.length > 0;
  let row = 0;
  const place = (node, column, depth) => {
    const it = { node, row, column, depth, again: seen.has(node.at), from: null };
    seen.add(node.at);
    places.push(it);
    return it;
  };
  /** One beside the other below the same thing. */
  const beside = (list, from) =>
    list.forEach((node, position) => {
      if (position > 0) row += 1;
      place(node, "about", 0).from = from;
    });
  const image = (node, above, about) => {
    const it = place(node, "image", 0);
    it.from = above;
    beside(about, it);
    row += 1;
  };
  /** What speaks of an image and stands nowhere else: no index lists it. */
  const loose = (node) =>
    node.about
      .map((at) => nodes[at])
      .filter((it) => !seen.has(it.at) && inside.has(it.at) && it.parents.length === 0 && !isIndex(it));
  const block = (node, depth) => {
    const it = place(node, "index", Math.min(depth, 3));
    const own = loose(node),
      start = row;
    beside(own, it);
    if (own.length > 0) row += 1;
    const below = node.children.map((at) => nodes[at]).filter((child) => !isIndex(child));
    const subjects = new Map();
    below
      .filter((child) => child.subject < 0 && child.kind !== "attestation")
      .forEach((child) => subjects.set(child.at, []));
    const alone = [];
    for (const child of below) {
      const subject = child.subject >= 0 ? nodes[child.subject] : null;
      if (subject && !isIndex(subject))
        subjects.set(subject.at, [...(subjects.get(subject.at) || []), child]);
      else if (!subjects.has(child.at)) alone.push(child);
    }
    for (const [at, about] of subjects)
      image(nodes[at], it, seen.has(at) ? about : [...about, ...loose(nodes[at])]);
    alone.forEach((child) => {
      place(child, "about", 0).from = it;
      row += 1;
    });
    if (row === start) row += 1;
  };
  /** An index, then those within it. Loops end where they began. */
  const index = (first) => {
    const stack = [[first, 0]];
    while (stack.length > 0) {
      const [node, depth] = stack.pop();
      if (seen.has(node.at)) continue;
      block(node, depth);
      node.children
        .map((at) => nodes[at])
        .filter(isIndex)
        .reverse()
        .forEach((it) => stack.push([it, depth + 1]));
    }
  };
  const roots = family.members.filter((it) => isIndex(it) && it.parents.length === 0);
  roots.sort((a, b) => b.tags.length - a.tags.length || b.pushed - a.pushed || a.at - b.at);
  roots.forEach((it) => {
    if (!seen.has(it.at)) index(it);
  });
  family.members.forEach((it) => {
    if (!seen.has(it.at) && isIndex(it)) index(it);
  });
  family.members.forEach((it) => {
    if (!seen.has(it.at) && it.about.length > 0) image(it, null, loose(it));
  });
  family.members.forEach((it) => {
    if (!seen.has(it.at)) {
      place(it, it.kind === "image" ? "image" : "about", 0);
      row += 1;
    }
  });
  return { places, rows: Math.max(row, 1) };
}
