"""The model behind the tables of docs/FLEETS.md: `python tests/template/fleet_cost.py` prints them.

Estimated from the measurements of docs/COST.md, with list prices of us-east-1. Nothing of it was run on AWS.
"""

from dataclasses import dataclass

# Dollars. Sources: the pricing pages of Step Functions, Lambda (arm64), Amazon S3 and CloudWatch.
TRANSITION, REQUEST, GB_SECOND = 0.025 / 1000, 0.20 / 1e6, 0.0000133334
PUT, GET, LOG_GB, ALARM, METRIC = 0.005 / 1000, 0.0004 / 1000, 0.50, 0.10, 0.30
NIGHTS, MEMORY_GB, ALARMS, METRICS = 30, 1.0, 4, 24
# One unit: 100 repositories of 100 images. docs/COST.md measured 10 s for 1,000 repositories at 30 ms a call; a call to another
# account takes more, a function of 1,024 MB has half a processor, and an apply reads and backs up.
REPOSITORIES, IMAGES, PLAN_SECONDS, APPLY_SECONDS = 100, 100, 6.0, 15.0
# docs/COST.md: 41 MB for 100,000 images. Both phases log each decision.
LOG_BYTES = 410
# States of an execution besides the children of its maps. A child is its start and its task.
STATES, STATES_OF_CHILD = 10, 2
# Of a usual night: the share of the units that have something to do, and of the repositories that changed.
DUE, CHANGED = 0.5, 0.2
CONCURRENCY, OVERHEAD_SECONDS, LIST_SECONDS, READ_SECONDS = 20, 1.0, 0.2, 0.03


@dataclass
class Night:
    """One run over so many account-Regions, each of one unit."""

    registries: int
    concurrency: int = CONCURRENCY

    @property
    def due(self) -> float:
        return self.registries * DUE

    @property
    def transitions(self) -> float:
        return STATES + STATES_OF_CHILD * (self.registries + self.due)

    @property
    def invocations(self) -> float:
        return 3 + self.registries + self.due

    @property
    def phases(self) -> dict[str, float]:
        """Seconds of each state, one after the other."""
        plan = self.registries * (PLAN_SECONDS + OVERHEAD_SECONDS) / min(self.concurrency, self.registries)
        apply = self.due * (APPLY_SECONDS + OVERHEAD_SECONDS) / min(self.concurrency, self.due)
        merge = self.registries * READ_SECONDS
        return {"list": self.registries * LIST_SECONDS, "plan": plan, "merge": merge, "apply": apply, "merge again": merge}

    @property
    def gb_seconds(self) -> float:
        alone = sum(self.phases[name] for name in ("list", "merge", "merge again"))
        return MEMORY_GB * (alone + self.registries * PLAN_SECONDS + self.due * APPLY_SECONDS)

    @property
    def gets(self) -> float:
        """Memory in each phase; the reports of plans twice, those of applies once; the lists."""
        return REPOSITORIES * (self.registries + self.due) + 2 * self.registries + self.due + 8

    @property
    def puts(self) -> float:
        """Memory that changed, a backup for each repository with a deletion, a report of each unit, the files of the maps."""
        return CHANGED * REPOSITORIES * (self.registries + self.due) + self.registries + self.due + 14

    @property
    def log_gb(self) -> float:
        return LOG_BYTES * REPOSITORIES * IMAGES * (self.registries + self.due) / 1e9

    def costs(self) -> dict[str, float]:
        """Dollars a month, by kind."""
        return {
            "state transitions": NIGHTS * self.transitions * TRANSITION,
            "invocations": NIGHTS * (self.invocations * REQUEST + self.gb_seconds * GB_SECOND),
            "requests to S3": NIGHTS * (self.puts * PUT + self.gets * GET),
            "log": NIGHTS * self.log_gb * LOG_GB,
            "metrics and alarms": METRICS * METRIC / 24 + ALARMS * ALARM,
        }


SIZES = [Night(10), Night(100), Night(1000)]


def dollars(value: float) -> str:
    return f"${value:.2f}" if value < 10 else f"${value:,.0f}"


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def cost_table() -> str:
    rows: list[tuple[str, ...]] = [
        ("images", *(f"{night.registries * REPOSITORIES * IMAGES:,}" for night in SIZES)),
        ("transitions a night", *(f"{night.transitions:,.0f}" for night in SIZES)),
        ("invocations a night", *(f"{night.invocations:,.0f}" for night in SIZES)),
        ("GET, PUT a night", *(f"{night.gets:,.0f}, {night.puts:,.0f}" for night in SIZES)),
        ("log a night", *(f"{night.log_gb:.2f} GB" for night in SIZES)),
        *((kind, *(dollars(night.costs()[kind]) for night in SIZES)) for kind in SIZES[0].costs()),
        ("a month in all", *(dollars(sum(night.costs().values())) for night in SIZES)),
    ]
    head = "| | " + " | ".join(f"{night.registries:,} account-Regions" for night in SIZES) + " |\n|---|---|---|---|\n"
    return head + "".join("| " + " | ".join(row) + " |\n" for row in rows)


def time_table() -> str:
    widths = [Night(1000, concurrency) for concurrency in (20, 100, 500)]
    head = "| step | " + " | ".join(f"`MaxConcurrency` {night.concurrency}" for night in widths) + " |\n|---|---|---|---|\n"
    rows = [(name, *(duration(night.phases[name]) for night in widths)) for name in widths[0].phases]
    rows.append(("in all", *(duration(sum(night.phases.values())) for night in widths)))
    return head + "".join("| " + " | ".join(row) + " |\n" for row in rows)


if __name__ == "__main__":
    print(cost_table())
    print(time_table(), end="")
