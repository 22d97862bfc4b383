"""The definition of the workflow; no emulator refuses a bad one."""

import inspect
import json
from importlib import import_module

import pytest

from orderlake import errors
from tests.e2e.terraform.plans import resources
from tests.e2e.terraform.state_machine import faults, tasks

RAISED = {name for name, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.LakeError)}
AGAIN = {
    name
    for name in RAISED
    if issubclass(getattr(errors, name), (errors.TransientError, errors.CommitStateUnknownError))
}

pytestmark = pytest.mark.e2e


def test_the_workflow_is_well_formed(plain):
    assert faults(definition(plain), RAISED) == []


def test_whatever_may_pass_by_itself_is_tried_again_in_every_task(plain):
    found = list(tasks(definition(plain)))
    assert len(found) == 6
    for task in found:
        names = [name for rule in task["Retry"] for name in rule["ErrorEquals"]]
        assert set(names) & RAISED == AGAIN
        assert {"Lambda.TooManyRequestsException", "Lambda.ServiceException", "States.Timeout"} <= set(names)


def test_the_workflow_asks_for_tasks_that_there_are(plain):
    asked = {
        (state.get("ItemSelector") or state.get("Parameters") or {}).get("task")
        for state in definition(plain)["States"].values()
    } - {None}
    assert asked == set(import_module("orderlake.aws.workflow").TASKS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda states: states["Plan"].update(Next="Nowhere"), "Plan: goes to Nowhere, which is no state"),
        (lambda states: states["Plan"].pop("Next"), "Plan: either Next or End"),
        (lambda states: states.update(Island={"Type": "Succeed"}), "Island cannot be reached"),
        (lambda states: states["Outcome"].update(Default="Plan", Choices=[]), "Plan leads to no end"),
        (lambda states: states["Plan"].pop("Resource"), "Plan: Resource is missing"),
        (lambda states: states["Plan"].update(Retries=[]), "Plan: a Task has no Retries"),
        (lambda states: states["Done"].update(Type="Success"), "Done: there is no type Success"),
        (
            lambda states: states["Plan"]["Retry"][1]["ErrorEquals"].append("TransientEror"),
            "Plan: Retry of TransientEror, which nothing raises",
        ),
        (
            lambda states: states["Check"]["Catch"][0]["ErrorEquals"].append("DataError"),
            "Check: Catch of States.ALL must stand alone and last",
        ),
        (
            lambda states: states["Load"]["ItemProcessor"].update(StartAt="Lod"),
            "Load: StartAt names Lod, which is no state",
        ),
        (
            lambda states: states["Load"]["ItemProcessor"]["States"]["LoadGroup"]["Catch"][0].update(Next="Report"),
            "Load: LoadGroup: goes to Report, which is no state",
        ),
    ],
)
def test_the_checker_finds_what_is_wrong_with_a_workflow(plain, change, complaint):
    broken = definition(plain)
    change(broken["States"])
    assert complaint in faults(broken, RAISED)


def definition(plan):
    return json.loads(resources(plan, "aws_sfn_state_machine")["backfill"]["definition"])
