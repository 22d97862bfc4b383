"""A checker of Amazon States Language: no emulator refuses a bad definition, and AWS does so only at the deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

States = Mapping[str, Mapping[str, Any]]

FIELDS = {
    "Task": {"Resource"},
    "Map": {"ItemProcessor"},
    "Choice": {"Choices"},
    "Pass": set(),
    "Succeed": set(),
    "Fail": {"Error", "Cause"},
}
MORE = {
    "Task": {
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "Retry",
        "Catch",
        "TimeoutSeconds",
        "InputPath",
        "OutputPath",
    },
    "Map": {
        "ItemsPath",
        "ItemSelector",
        "MaxConcurrency",
        "ResultPath",
        "Retry",
        "Catch",
        "ToleratedFailurePercentage",
    },
    "Choice": {"Default"},
    "Pass": {"Parameters", "Result", "ResultPath"},
    "Succeed": set(),
    "Fail": set(),
}
ENDS = {"Succeed", "Fail"}
OWN_ERRORS = {"States.ALL", "States.Timeout", "States.TaskFailed", "States.Runtime"}
LAMBDA_ERRORS = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
}


def faults(machine: Mapping[str, Any], errors: set[str], where: str = "") -> list[str]:
    """What is wrong with a definition, whose tasks may raise these errors; empty when nothing is."""
    return list(_machine(machine, errors, where))


def tasks(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every Task state, those in Maps too."""
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"])


def _machine(machine: Mapping[str, Any], errors: set[str], where: str) -> Iterator[str]:
    states: States = machine.get("States", {})
    start = machine.get("StartAt")
    if start not in states:
        yield f"{where}StartAt names {start}, which is no state"
        return
    for name, state in states.items():
        yield from _state(state, states, errors, f"{where}{name}: ")
    yield from _reachable(states, str(start), where)


def _state(state: Mapping[str, Any], states: States, errors: set[str], where: str) -> Iterator[str]:
    kind = str(state.get("Type"))
    if kind not in FIELDS:
        yield f"{where}there is no type {kind}"
        return
    for field in FIELDS[kind] - set(state):
        yield f"{where}{field} is missing"
    flow = set() if kind in ENDS | {"Choice"} else {"Next", "End"}
    for field in set(state) - FIELDS[kind] - MORE[kind] - flow - {"Type", "Comment"}:
        yield f"{where}a {kind} has no {field}"
    if flow and ("Next" in state) == (state.get("End") is True):
        yield f"{where}either Next or End"
    for target in _targets(state):
        if target not in states:
            yield f"{where}goes to {target}, which is no state"
    yield from _handlers(state, errors, where)
    if kind == "Map" and "ItemProcessor" in state:
        yield from _machine(state["ItemProcessor"], errors, f"{where}")


def _handlers(state: Mapping[str, Any], errors: set[str], where: str) -> Iterator[str]:
    for field in ("Retry", "Catch"):
        rules = state.get(field, [])
        for number, rule in enumerate(rules):
            names = rule.get("ErrorEquals", [])
            for name in set(names) - errors - OWN_ERRORS - LAMBDA_ERRORS:
                yield f"{where}{field} of {name}, which nothing raises"
            if not names:
                yield f"{where}{field} without ErrorEquals"
            if "States.ALL" in names and (len(names) > 1 or number < len(rules) - 1):
                yield f"{where}{field} of States.ALL must stand alone and last"
            if field == "Retry" and rule.get("MaxAttempts", 3) < 1:
                yield f"{where}Retry without attempts"
            if field == "Catch" and "Next" not in rule:
                yield f"{where}Catch without Next"


def _targets(state: Mapping[str, Any]) -> list[str]:
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    named = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [target for target in named if target is not None]


def _reachable(states: States, start: str, where: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in states:
            continue
        seen.add(name)
        waiting += _targets(states[name])
    for name in set(states) - seen:
        yield f"{where}{name} cannot be reached"
    ends = {name for name, state in states.items() if state.get("Type") in ENDS or state.get("End")}
    while grown := {name for name in states if name not in ends and ends & set(_targets(states[name]))}:
        ends |= grown
    for name in set(states) - ends:
        yield f"{where}{name} leads to no end"
