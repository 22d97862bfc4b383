"""MiniStack: an emulator that Terraform can deploy to. It is no measure of IAM, KMS or speed; see `DIFFERS`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ENDPOINT = "AWS_ENDPOINT_URL"
ACCOUNT = "000000000000"
REGION = "eu-central-1"

DIFFERS = {
    "aws_cloudwatch_metric_alarm": {
        "actions_enabled",
        "alarm_actions",
        "alarm_description",
        "dimensions",
        "ok_actions",
        "period",
        "statistic",
        "tags_all",
        "treat_missing_data",
    },
    "aws_cloudwatch_log_group": {"kms_key_id"},
    "aws_lambda_event_source_mapping": {"tags_all"},
    "aws_sfn_state_machine": {"tracing_configuration"},
    "aws_sns_topic": {"tags_all"},
}
"""What MiniStack gives back otherwise than it was told, by resource: a plan right after an apply shows these."""


@contextmanager
def ministack(folder: Path) -> Iterator[dict[str, str]]:
    """A MiniStack of one's own on a free port of 127.0.0.1; gives the environment in which AWS is it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [Path(sys.executable).with_name("ministack")],
        env=os.environ | settings,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Running on http" in line:
                break
        else:
            raise AssertionError("".join(said))
        reader = threading.Thread(target=process.stdout.read, daemon=True)  # or its pipe runs full
        reader.start()
        try:
            yield {
                ENDPOINT: f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
            }
        finally:
            process.terminate()
            process.wait(30)
            reader.join(30)
