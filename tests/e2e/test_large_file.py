"""A file larger than the function's memory share and its disk share passes through it: 512 MB, and 64 MB of /tmp.

The packaged function, in Lambda's limits; S3 is SeaweedFS, a real server, all else the emulator.
"""

import boto3
import pytest

from benchmarks.large_file import HANDLER, in_file, in_tables
from orderlake import clients
from orderlake.generate import generate
from tests.emulators.function import announcement, failures, sync_pipelines, upload
from tests.emulators.package import built
from tests.emulators.runtime import Limits, Runtime, settings_environment, unavailable
from tests.emulators.seaweed import KEY, SECRET

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.skipif(bool(unavailable()), reason=unavailable())]

ORDERS = 330_000
"""150 MB: more than may be staged on this machine, and four windows."""
STAGED_HERE = 96 << 20
DISK_MB = 64


def test_a_file_of_150_mb_passes_through_512_mb_and_a_small_disk(aws, request, monkeypatch, tmp_path, tmp_path_factory):
    endpoint = request.getfixturevalue("seaweed_server")
    _, task = built(tmp_path_factory)
    for name, value in (("ENDPOINT_URL_S3", endpoint), ("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(clients, "_session", lambda: boto3.session.Session(KEY, SECRET, region_name=aws.region))
    (file,) = generate("orders", ORDERS, 7, tmp_path, "ndjson")
    settings = aws.deploy()
    sync_pipelines(settings, "orders")
    landed = upload(settings, "raw/orders.ndjson", file)
    assert landed.size > STAGED_HERE
    limits = Limits(memory=512, disk=DISK_MB)
    with Runtime(task, HANDLER, settings_environment(settings), tmp_path / "function", limits) as function:
        with function.disk_peak() as disk:
            answer, _ = function.invoke(announcement(landed), timeout=600)
        assert failures(answer) == [], function.log()[-3000:]
        assert 0 < function.resident_peak_mb() < 400
        assert disk[0] < DISK_MB
        assert function.disk_used_mb() < 1
    expected = in_file(file)
    assert expected[0] == ORDERS
    assert in_tables(settings, tmp_path) == (*expected, *expected[3:])
