// Words.

const SEGMENTS = ["live", "attached", "superseded", "orphaned", "other"];
const SEGMENT_WORDS = {
  live: "live images and indexes",
  attached: "attached attestations",
  superseded: "superseded",
  orphaned: "orphaned attestations",
  other: "other",
};
const TONES = ["go", "tag", "wait", "fail", "stop", "keep", "context"];
const SIGNS = { go: "−", tag: "+", wait: "…", fail: "!", stop: "≠", keep: "✓", context: "·" };
const plans = data.mode !== "apply";
const TONE_WORDS = {
  go: plans ? "would be deleted" : "deleted",
  tag: plans ? "would be tagged" : "tagged",
  wait: "waits",
  fail: "failed",
  stop: "otherwise than planned",
  keep: "kept",
  context: "named, not judged",
};
const REASONS = {
  "not-an-attestation": "It is something else than an attestation.",
  unreadable: "Its own bytes could not be had, or do not hash to its digest.",
  tagged: "It has a tag that the janitor did not write.",
  "in-use": "Something that runs names it, or an index above it.",
  "in-use-unknown": "A source of images in use could not be read, and could have named it.",
  "not-active": "It, or an untagged index above it, is archived or being activated.",
  "within-grace": "It is younger than the grace period, or nobody knows its age.",
  "may-be-listed": "An index that cannot be read could list it.",
  "has-referrers": "Something refers to it, or to an untagged index above it.",
  attached: "A tagged index lists it.",
  "recently-pulled": "An index above it, or something that only such an index holds, was pulled lately.",
  replicated: "It is superseded where deletions are replicated elsewhere.",
  "untagged-repository": "It is superseded where nothing bears a user's tag.",
  "superseded-within-grace": "An index above it lost its tag not long enough ago, or nobody knows when.",
  superseded: "All indexes that list it have lost their tags.",
  "subject-present": "No index lists it, but it is the newest attestation of an image that is needed.",
  orphaned: "No index lists it.",
  "follows-its-subject": "It refers to something that goes, and nobody needs it.",
};
const OUTCOMES = {
  planned: null,
  deleted: null,
  tagged: null,
  kept: null,
  "already-gone": "It was gone before.",
  "protected-by-ecr": "ECR refused: an index lists it.",
  "held-back": "What had to go before it did not go.",
  "changed-since-plan": "It is not as it was planned.",
  "limit-reached": "It waits for a later run: this one has reached a limit.",
  deadline: "There was no time left for it.",
  failed: "It failed.",
};

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes,
    unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${units[unit]}`;
}
const started = Date.parse(data.run.started_at);
function minute(time) {
  return Number.isFinite(time)
    ? new Date(time).toISOString().slice(0, 16).replace("T", " ") + " UTC"
    : "unknown";
}
function tone(kind) {
  const acts = kind.action !== "keep";
  switch (kind.outcome) {
    case "failed":
      return "fail";
    case "limit-reached":
    case "deadline":
      return "wait";
    case "already-gone":
    case "protected-by-ecr":
    case "held-back":
    case "changed-since-plan":
      return "stop";
    case "kept":
      return "keep";
    default:
      return !acts ? "keep" : kind.action === "tag" ? "tag" : "go";
  }
}
const classes = data.classes.map((it) => ({ ...it, tone: tone(it) }));
