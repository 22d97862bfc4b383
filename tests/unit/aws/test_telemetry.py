"""What a cold start loads, and that tracing is an option that costs nothing when it is off."""

import json
import os
import subprocess
import sys

import pytest

SHOW = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules(code, **environment):
    """The modules of a new process after some code."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "POWERTOOLS_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{SHOW}"], env=kept | environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("function", ["ingest", "scan", "workflow"])
def test_a_function_imports_neither_engine_nor_sdk_before_it_needs_them(function):
    loaded = modules(f"import orderlake.aws.{function}")
    assert not loaded & {"duckdb", "boto3", "aws_xray_sdk", "fastavro", "yaml", "sqlglot", "pyarrow"}


def test_in_lambda_what_every_batch_needs_is_loaded_while_the_function_starts():
    loaded = modules("import orderlake.aws.ingest", AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001", AWS_REGION="eu-central-1")
    assert {"duckdb", "boto3", "orderlake.kernel.stage", "orderlake.tables.commit"} <= loaded
    assert "aws_xray_sdk" not in loaded


TRACED = "from orderlake.aws.telemetry import traced\nwith traced('load'): pass"


def test_traces_are_made_only_where_the_function_is_traced():
    inside = {"AWS_LAMBDA_FUNCTION_NAME": "shop-ingest", "LAMBDA_TASK_ROOT": "/var/task"}
    assert "aws_xray_sdk" in modules(TRACED, **inside)
    assert "aws_xray_sdk" not in modules(TRACED, **inside, POWERTOOLS_TRACE_DISABLED="true")
    assert "aws_xray_sdk" not in modules(TRACED)
