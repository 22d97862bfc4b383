"""Which error means what: total over all of ours, and over everybody else's."""

import inspect

import pytest

from orderlake import errors
from orderlake.aws.attempt import OUTCOMES, Attempt, outcome_of
from tests.unit.aws.fakes import NOW, SECOND, report_of, source

OURS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.LakeError)]


@pytest.mark.parametrize("error", OURS)
def test_every_error_of_ours_has_the_outcome_of_its_family(error):
    expected = "alone"
    if issubclass(error, errors.ConfigError):
        expected = "raise"
    if issubclass(error, errors.TransientError | errors.CommitStateUnknownError):
        expected = "again"
    assert outcome_of(error("x")) == expected


@pytest.mark.parametrize("error", [MemoryError, KeyError, OSError, RecursionError])
def test_an_error_of_somebody_else_is_tried_object_by_object(error):
    assert outcome_of(error()) == "alone"


def test_the_table_speaks_of_errors_by_recovery_only():
    assert set(OUTCOMES.values()) == {"raise", "again", "alone"}


def test_an_object_that_was_replaced_while_it_was_read_counts_by_its_next_version(lake):
    old, new = source("raw/o.json", '"etag1"'), source("raw/o.json", '"etag2"', (NOW + 1) * SECOND)
    attempt = Attempt(lake, lambda: True)
    attempt.reports[new.identity] = report_of(new)
    found = attempt.report_of(old)
    assert found is not None
    assert found.version == new.version
    assert attempt.report_of(source("raw/other.json")) is None
