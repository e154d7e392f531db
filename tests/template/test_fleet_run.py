"""The state machine of template-fleet.yaml, interpreted by moto, drives the real function over several accounts and Regions.

Moto's distributed map tolerates every failed item, has no redrive, and writes no files of results: test_fleet.py asserts what the
definition says of them, and the redrive here is what Step Functions does then: the same events once more, and the states after the map.
"""

import json
import os
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fleet import ACCOUNTS, CLOSED, REGIONS, REGISTRIES, World, alone, door, fill, role, world
from function import Function
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from served import Emulator

Json = Any
NOW_MS = int(time.time() * 1000)
# The work of each registry is two units. FLEET_REPOSITORIES=200 is as many as one unit has by default, and takes minutes.
REPOSITORIES = int(os.environ.get("FLEET_REPOSITORIES", "40"))
BUSY, CHUNK = 15, REPOSITORIES // 2
QUIET = REPOSITORIES - BUSY
# One in each busy repository, and one in the repository of the last registry.
ORPHANS = BUSY * (len(REGISTRIES) - 1) + 1
ALLOWANCE = 100_000
THROTTLED_REGION = f"arn:aws:ecr:{REGIONS[0]}:*:repository/*"
# The only repository with something to do in its registry; nothing is deleted there before the function is killed.
SOLO = "team/solo"
SOLO_ARN = f"arn:aws:ecr:{REGIONS[1]}:{ACCOUNTS[2]}:repository/{SOLO}"


@dataclass
class Night:
    """An execution with trouble, what it left, and what came of the redrive."""

    execution: Json = None
    slept: list[float] = field(default_factory=list)
    planned: Json = None
    merged: Json = None
    answer: Json = None
    redriven: Json = None
    whole: Json = None
    invocations: list[tuple[Json, str | None]] = field(default_factory=list)
    singles: list[Json] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


def trouble(url: str) -> None:
    """One account that lets nobody in, and one Region that throttles every twentieth listing."""
    closed = {"operation": "AssumeRole", "repository": role(CLOSED), "fault": "access-denied"}
    throttled = {"operation": "DescribeImages", "repository": THROTTLED_REGION, "when": {"every": 20}, "fault": "throttle"}
    hung = {"operation": "BatchDeleteImage", "repository": SOLO_ARN, "fault": "hang-forever"}
    for rule in (hung, closed, throttled):
        door(url, "fault", rule)


def kill_in_solo(event: Json, function: Function, url: str, attempts: list[Json]) -> None:
    """Kills the function when its deletion hangs, which is the first of the fault rules."""
    if event.get("phase") != "apply" or SOLO not in event.get("repositories", ()):
        return
    attempts.append(event)
    while door(url, "faults")[0] < len(attempts):
        time.sleep(0.02)
    function.kill()


class ThrottledOnce:
    """The role of one account is throttled from the first plan in it until an invocation has failed of it."""

    RULE = {"operation": "AssumeRole", "repository": role(ACCOUNTS[1]), "fault": "throttle"}

    def __init__(self, url: str) -> None:
        self._url, self._state = url, "waiting"

    def before(self, event: Json) -> None:
        if self._state == "waiting" and event.get("phase") == "plan" and event.get("role_arn") == role(ACCOUNTS[1]):
            self._state = "throttled"
            door(self._url, "fault", self.RULE)

    def after(self, _: Json, answer: Json) -> None:
        if self._state == "throttled" and answer.get("errorType") == "Throttled":
            self._state = "over"
            door(self._url, "clear-faults", "")
            trouble(self._url)


def drive(fleet: World, seen: Night) -> None:
    """The execution, and its redrive when the reason of the failure is gone."""
    url, attempts, once = fleet.emulator.url, list[Json](), ThrottledOnce(fleet.emulator.url)
    fleet.pool.before, fleet.pool.after = once.before, once.after
    fleet.pool.beside = lambda event, function: kill_in_solo(event, function, url, attempts)
    retried = retrier_decl.time
    retrier_decl.time = SimpleNamespace(sleep=seen.slept.append)
    try:
        seen.execution = fleet.run("night-1", {})
    finally:
        retrier_decl.time = retried
    seen.invocations = list(fleet.pool.invocations)
    seen.written = fleet.keys("fleet/night-1/")
    seen.planned = fleet.object("fleet/night-1/plan/report.json")
    seen.merged = fleet.object("fleet/night-1/apply/report.json")

    door(url, "clear-faults", "")
    fleet.pool.beside = lambda *_: None
    [unit] = [unit for unit in fleet.object("fleet/night-1/apply-items.json") if SOLO in unit["repositories"]]
    kind, seen.redriven = fleet.pool.invoke(unit)
    assert kind == "response", seen.redriven
    kind, seen.answer = fleet.pool.invoke({"fleet": "merge", "id": "night-1", "phase": "apply"})
    assert kind == "response", seen.answer
    seen.whole = fleet.object("fleet/night-1/apply/report.json")
    seen.changes = [(entry["repository"], *entry["kind"]) for entry in door(url, "journal")]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    seen, folder = Night(), tmp_path_factory.mktemp("fleet")
    with Emulator() as emulator, Emulator() as twin:
        for one in (emulator, twin):
            fill(one, NOW_MS, BUSY, QUIET)
        trouble(emulator.url)
        with world(folder, emulator, "fleet-state", ALLOWANCE, CHUNK) as fleet:
            drive(fleet, seen)
            seen.singles = [alone(fleet, twin, folder, *registry, ALLOWANCE) for registry in REGISTRIES]
    return seen


def errors(report: Json) -> dict[tuple[str, str], str]:
    return {(it["account"], it["region"]): it["error"] for it in report["targets"] if "error" in it}


def test_the_execution_ends_with_the_answer_of_the_last_step(night: Night) -> None:
    assert night.execution["status"] == "SUCCEEDED", night.execution
    output = json.loads(night.execution["output"])
    assert (output["fleet"], output["phase"], output["complete"], output["id"]) == ("merge", "apply", False, "night-1")
    assert output["key"] == "fleet/night-1/apply/report.json" and output["page"] == "fleet/night-1/apply/report.html"
    assert (night.planned["totals"]["planned"], output["totals"]["deleted"]) == (ORPHANS, ORPHANS - 1)


def test_all_is_planned_before_anything_is_applied(night: Night) -> None:
    steps = [(event["fleet"], event.get("phase")) for event, _ in night.invocations]
    runs = 2 * len(REGISTRIES)
    assert steps[0] == ("list", None)
    merged = steps.index(("merge", "plan"))
    assert set(steps[1:merged]) == {("run", "plan")}
    assert set(steps[merged + 1 : -1]) == {("run", "apply")} and steps[-1] == ("merge", "apply")
    planned = {event["item"] for event, error in night.invocations[1:merged] if error is None}
    assert len(planned) == runs
    applied = {event["item"] for event, _ in night.invocations[merged + 1 : -1]}
    assert len(applied) < runs, "who has nothing to do is not invoked again"


def test_an_account_that_lets_nobody_in_touches_no_other(night: Night) -> None:
    for region in REGIONS:
        assert "cannot be assumed" in errors(night.merged)[CLOSED, region]
    assert not any(event.get("role_arn") == role(CLOSED) for event, _ in night.invocations)


def test_throttling_is_retried_by_the_state_machine(night: Night) -> None:
    throttled = [event for event, error in night.invocations if error == "Throttled"]
    assert throttled and all(event["role_arn"] == role(ACCOUNTS[1]) for event in throttled)
    answered = {(event["phase"], event["item"]) for event, error in night.invocations if event["fleet"] == "run" and not error}
    assert {(event["phase"], event["item"]) for event in throttled} <= answered
    assert len(night.slept) == len(throttled) + 2 and all(0 <= pause <= 20 for pause in night.slept)


def test_a_killed_item_is_tried_again_and_then_told(night: Night) -> None:
    killed = [event for event, error in night.invocations if error == "Runtime.ExitError"]
    assert [(event["phase"], SOLO in event["repositories"]) for event in killed] == [("apply", True)] * 3
    there = (ACCOUNTS[2], REGIONS[1])
    assert errors(night.merged).keys() == {there} | {(CLOSED, region) for region in REGIONS}
    assert f"unit {killed[0]['item']} " in errors(night.merged)[there] and "has no report" in errors(night.merged)[there]


def test_a_redrive_finishes_what_was_left(night: Night) -> None:
    assert (night.redriven["complete"], night.redriven["totals"]["deleted"]) == (True, 1)
    assert errors(night.whole).keys() == {(CLOSED, region) for region in REGIONS}
    assert night.answer["totals"]["deleted"] == ORPHANS
    assert {kind for _, kind in night.changes} == {"deleted"}
    assert len(set(night.changes)) == len(night.changes) == ORPHANS, "each once"


def test_the_files_are_where_the_lifecycle_rule_and_the_roles_look(night: Night) -> None:
    assert {key.removeprefix("fleet/night-1/").split("/")[0] for key in night.written} == {
        "items.json", "apply-items.json", "registries.json", "plan", "apply",
    }  # fmt: skip
    for phase in ("plan", "apply"):
        assert f"fleet/night-1/{phase}/report.html" in night.written
        assert any(key.startswith(f"fleet/night-1/{phase}/map/") for key in night.written)


# What differs from run to run: when it was, what it is called, and how many calls it took.
OF_ONE_RUN = {
    "run_id", "started_at", "finished_at", "configuration", "api_calls", "throttles", "untagged_at", "restorable_until",
    "decisions_truncated",
}


def essence(value: Json) -> Json:
    """A report without these, its lists sorted."""
    if isinstance(value, dict):
        return {key: essence(one) for key, one in value.items() if key not in OF_ONE_RUN}
    if isinstance(value, list):
        # The answer of a single run leaves out rows of what is only kept, and says how many.
        rows = [one for one in value if not (isinstance(one, dict) and one.get("outcome") == "kept")]
        return sorted((essence(one) for one in rows), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def test_the_merged_report_is_the_sum_of_single_runs(night: Night) -> None:
    merged = {(it["account"], it["region"]): it["report"] for it in night.whole["targets"] if "report" in it}
    assert merged.keys() == set(REGISTRIES)
    for (account, region), single in zip(REGISTRIES, night.singles):
        found = json.dumps(essence(merged[account, region]), sort_keys=True)
        assert found == json.dumps(essence(single), sort_keys=True), (account, region)


def test_a_plan_applies_nothing_and_a_fleet_that_cannot_be_reached_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Emulator() as emulator:
        fill(emulator, NOW_MS, 1, 1)
        with world(tmp_path_factory.mktemp("plan"), emulator, "fleet-plan", ALLOWANCE, CHUNK) as fleet:
            door(emulator.url, "fault", {"operation": "AssumeRole", "repository": role(CLOSED), "fault": "access-denied"})
            planned = fleet.run("look", {"mode": "plan"})
            assert planned["status"] == "SUCCEEDED", planned
            output = json.loads(planned["output"])
            assert (output["phase"], output["totals"]["planned"], "next" in output) == ("plan", len(REGISTRIES), False)
            assert {event.get("phase") for event, _ in fleet.pool.invocations} == {None, "plan"}
            assert door(emulator.url, "journal") == []

            door(emulator.url, "fault", {"operation": "AssumeRole", "repository": "arn:aws:iam::*:role/*", "fault": "access-denied"})
            nobody = fleet.run("closed", {})
            assert nobody["status"] == "SUCCEEDED", nobody
            output = json.loads(nobody["output"])
            assert (output["complete"], output["next"]["items"]) == (False, 0)
            report = fleet.object("fleet/closed/plan/report.json")
            assert len(errors(report)) == len(REGISTRIES) + len(REGIONS)
            assert [event["fleet"] for event, _ in fleet.pool.invocations[-2:]] == ["list", "merge"]
