// The note of an image: on hover, on focus, and held by a click.

const tip = byId("tip");
let pinned = null,
  current = null;

function note(repository, nodes, node) {
  const name = (at) =>
    `${nodes[at].kind} ${short(nodes[at].digest)}${nodes[at].tags.length > 0 ? ` (${nodes[at].tags.slice(0, 4).join(", ")})` : ""}`;
  const names = (list) =>
    list.slice(0, 6).map(name).join("; ") + (list.length > 6 ? `; and ${n(list.length - 6)} more` : "");
  const because = node.because.map((it) => (it >= 0 ? name(it) : data.texts[-it - 1])).join(", ");
  const whole = data.digits === 64 ? `sha256:${node.digest}` : `sha256:${node.digest}…`;
  const kind =
    node.isRow && node.decision.form
      ? `${node.kind} (${node.decision.form}${node.decision.state ? `, ${node.decision.state}` : ""})`
      : node.kind;
  const why = node.isRow
    ? [REASONS[node.decision.reason], OUTCOMES[node.decision.outcome]].filter(Boolean).join(" ")
    : "An index, an attestation or a reason names it. No decision was made on it in this report.";
  return [
    el(
      "div",
      {},
      el("b", {}, kind),
      " ",
      node.isRow ? `${TONE_WORDS[node.tone]}: ${node.decision.reason}` : TONE_WORDS.context,
    ),
    el("div", { class: "why" }, why),
    facts([
      ["Digest", el("code", {}, whole)],
      ["Tags", node.tags.join(", ")],
      ["New tag", node.more.new_tag],
      ["Platform", node.platform],
      ["Subject", node.subject >= 0 ? name(node.subject) : ""],
      ["Listed by", node.parents.length > 0 ? names(node.parents) : ""],
      ["Lists", node.children.length > 0 ? names(node.children) : ""],
      ["Rests on", because],
      ["Pushed", Number.isFinite(node.pushed) ? minute(node.pushed) : ""],
      ["Untagged since", node.more.untagged_at ? minute(Date.parse(node.more.untagged_at)) : ""],
      ["Pulled", node.more.pulled_at ? minute(Date.parse(node.more.pulled_at)) : ""],
      ["Size", node.size === null || node.kind === "index" ? "" : size(node.size)],
      ["Code", node.more.code],
      ["Detail", node.more.detail],
      ["More", el("code", {}, `ecr-janitor explain ${repository.name}@sha256:${node.digest}`)],
    ]),
  ];
}

function show(target, hold) {
  const at = route();
  const repository = at.repository;
  if (!repository) return;
  const { nodes } = graph(repository);
  const node = nodes[Number(target.getAttribute("data-node"))];
  if (!node) return;
  if (current) current.removeAttribute("aria-describedby");
  current = target;
  tip.replaceChildren(...note(repository, nodes, node));
  tip.hidden = false;
  tip.classList.toggle("pinned", hold);
  target.setAttribute("aria-describedby", "tip");
  const box = target.getBoundingClientRect(),
    own = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - own.width - 8));
  const below = box.bottom + 6,
    above = box.top - own.height - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(8, below + own.height <= innerHeight - 8 || above < 8 ? Math.min(below, Math.max(8, innerHeight - own.height - 8)) : above)}px`;
}

function hide() {
  tip.hidden = true;
  pinned = null;
  if (current) current.removeAttribute("aria-describedby");
  current = null;
}

const nodeOf = (event) => (event.target instanceof Element ? event.target.closest("[data-node]") : null);
document.addEventListener("mouseover", (event) => {
  const it = nodeOf(event);
  if (it && !pinned) show(it, false);
});
document.addEventListener("mouseout", (event) => {
  if (
    nodeOf(event) &&
    !pinned &&
    !(event.relatedTarget instanceof Element && tip.contains(event.relatedTarget))
  )
    hide();
});
document.addEventListener("focusin", (event) => {
  const it = nodeOf(event);
  if (it) {
    pinned = null;
    show(it, false);
  }
});
document.addEventListener("focusout", (event) => {
  if (nodeOf(event) && !pinned) hide();
});
addEventListener(
  "scroll",
  () => {
    if (!pinned && !tip.hidden && current && !current.matches(":focus")) hide();
  },
  { passive: true, capture: true },
);

function pin(target) {
  const { repository } = route();
  const node = graph(repository).nodes[Number(target.getAttribute("data-node"))];
  history.replaceState(null, "", link(repository, node.digest));
  mark(target);
  show(target, true);
  pinned = target;
}
function mark(target) {
  document.querySelectorAll(".here").forEach((it) => it.classList.remove("here"));
  target.classList.add("here");
}
document.addEventListener("click", (event) => {
  const it = nodeOf(event);
  if (it) pin(it);
  else if (pinned && !(event.target instanceof Element && tip.contains(event.target))) hide();
});

/** Where a link points. */
function point(repository, digest) {
  const node = graph(repository).nodes.find((it) => it.digest.startsWith(digest));
  const target = node && document.querySelector(`[data-node="${node.at}"]`);
  if (!target) {
    byId("live").textContent = "The image of this link is not drawn here.";
    return;
  }
  mark(target);
  // What is only seen once it is near has no place before.
  target.scrollIntoView({ block: "center" });
  byId("live").textContent = spoken(repository, node);
}
