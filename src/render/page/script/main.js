// Keys.

function step(from, by) {
  const all = [...byId("main").querySelectorAll("[data-node]")];
  const to = all[all.indexOf(from) + by];
  if (!to) return;
  if (from instanceof SVGElement) from.setAttribute("tabindex", "-1");
  if (to instanceof SVGElement) to.setAttribute("tabindex", "0");
  to.focus();
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof Element && event.target.matches("input, select");
  const node = nodeOf(event);
  if (event.key === "/" && !typing) {
    const search = byId("search");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "Escape") {
    if (!tip.hidden) hide();
    else if (typing && event.target.value) {
      event.target.value = "";
      event.target.dispatchEvent(new Event("input"));
    } else if (route().repository && data.mode !== "explain") location.hash = "#/";
  } else if (node && (event.key === "ArrowDown" || event.key === "ArrowRight")) {
    event.preventDefault();
    step(node, 1);
  } else if (node && (event.key === "ArrowUp" || event.key === "ArrowLeft")) {
    event.preventDefault();
    step(node, -1);
  } else if (node && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    pin(node);
  }
});

// Links.

const unescaped = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
function route() {
  const path = location.hash.replace(/^#\/?/, "");
  if (data.mode === "explain")
    return {
      repository: data.repositories[0],
      digest: path.startsWith("r/") ? path.split("/")[2] : data.focus,
    };
  if (path.startsWith("r/")) {
    const [, name, digest] = path.split("/");
    const wantedName = unescaped(name || "");
    return {
      repository: data.repositories.find((it) => it.name === wantedName),
      name: wantedName,
      digest: /^[0-9a-f]+$/.test(digest || "") ? digest.slice(0, data.digits) : undefined,
    };
  }
  return { query: path.startsWith("?") ? path.slice(1) : "" };
}
function keep() {
  const query = new URLSearchParams();
  if (wanted.text) query.set("q", wanted.text);
  if (wanted.sort !== "attestations") query.set("sort", wanted.sort);
  if (wanted.busy) query.set("busy", "1");
  history.replaceState(null, "", `#/${query.size > 0 ? `?${query}` : ""}`);
}
let place = null;
function go() {
  hide();
  const at = route();
  const known = at.repository ? `r ${at.repository.name}` : "list";
  if (at.repository) {
    if (place !== known) hiddenTones = new Set();
    repositoryView(at.repository, at.digest);
  } else {
    if (at.query) {
      const query = new URLSearchParams(at.query);
      const sort = query.get("sort") || "attestations";
      wanted = {
        text: query.get("q") || "",
        sort: Object.hasOwn(SORTS, sort) ? sort : "attestations",
        busy: query.has("busy"),
      };
    }
    overview();
    if (at.name) byId("live").textContent = "There is no such repository in this report.";
  }
  if (place !== null && place !== known) {
    byId("main").focus({ preventScroll: true });
    if (!at.digest) scrollTo(0, 0);
  }
  place = known;
}
addEventListener("hashchange", go);
head();
go();
document.documentElement.setAttribute("data-ready", "");
