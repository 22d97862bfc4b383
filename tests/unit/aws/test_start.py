"""A function's start: garbage is not looked for before the first event, and is from then on."""

import gc
import subprocess
import sys

import pytest

from orderlake.aws.telemetry import begin

START = """
import gc
import orderlake.aws.telemetry as telemetry
before = gc.isenabled()
telemetry.begin(None)
print(before, gc.isenabled(), gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}, "False True True"), ({}, "True True False")],
    ids=["in Lambda", "elsewhere"],
)
def test_garbage_is_not_looked_for_while_a_function_starts(variables, expected):
    done = subprocess.run(
        [sys.executable, "-c", START], env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == expected


def test_a_later_event_freezes_nothing_more():
    frozen = gc.get_freeze_count()
    begin(None)
    assert gc.get_freeze_count() == frozen
    assert gc.isenabled()
