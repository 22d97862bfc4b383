"""The parts of packaging: which wheels and files, slim libraries, compiled modules, a zip without a clock."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
import zstandard
from botocore.loaders import Loader

from orderlake.deploy import wheels
from orderlake.deploy.archive import write_zip
from orderlake.deploy.bytecode import compiled, interpreter
from orderlake.deploy.descriptions import slim_descriptions
from orderlake.deploy.elf import slimmed
from orderlake.deploy.package import LIMIT, Package, Part, refuse_too_large
from orderlake.deploy.trim import SERVICES, kept
from orderlake.deploy.wheels import LOCK, Target, unpack
from orderlake.errors import ConfigError, NotFoundError

SOURCE = Path(wheels.__file__).parents[1]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize(
    "name",
    [
        "fsspec/tests/abstract/copy.py",
        "duckdb/__init__.pyi",
        "_duckdb-stubs/__init__.pyi",
        "duckdb/experimental/spark/__init__.py",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/s3/2006-03-01/examples-1.json",
        "botocore-1.44.8.dist-info/RECORD",
        "zstandard/_cffi.cpython-312-x86_64-linux-gnu.so",
        "bin/dul-receive-pack",
    ],
)
def test_what_no_function_opens_is_left_out(name):
    assert not kept(name)


@pytest.mark.parametrize(
    "name",
    [
        "boto3/docs/docstring.py",
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/s3/2006-03-01/endpoint-rule-set-1.json.gz",
        "botocore/data/dynamodb/2012-08-10/paginators-1.json",
        "botocore/data/endpoints.json",
        "botocore/data/_retry.json",
        "botocore-1.44.8.dist-info/METADATA",
        "botocore-1.44.8.dist-info/licenses/LICENSE.txt",
        "idna-3.7.dist-info/LICENSE.md",
        "six-1.17.0.dist-info/COPYING",
        "zstandard/backend_c.cpython-312-x86_64-linux-gnu.so",
    ],
)
def test_what_a_function_opens_and_every_licence_is_kept(name):
    assert kept(name)


def test_every_service_that_orderlake_calls_is_described_in_the_package():
    called = {
        service
        for file in SOURCE.rglob("*.py")
        for service in re.findall(r'\bclient\(\s*"([a-z0-9-]+)"', file.read_text(encoding="utf-8"))
    }
    assert called
    assert called <= SERVICES


def test_descriptions_lose_their_texts_and_other_services_endpoints_and_nothing_else(tmp_path):
    shapes = {"Table": {"members": {"documentation": {"shape": "Text"}}, "documentation": "<p>Long.</p>"}}
    service = {"metadata": {"apiVersion": "1"}, "documentation": "<p>Longer.</p>", "shapes": shapes}
    endpoints = {"partitions": [{"partition": "aws", "services": {"states": {"a": 1}, "ec2": {}}}], "version": 3}
    data = tmp_path / "botocore/data"
    (data / "glue/1").mkdir(parents=True)
    (data / "glue/1/service-2.json.gz").write_bytes(gzip.compress(json.dumps(service).encode()))
    (data / "endpoints.json").write_text(json.dumps(endpoints))
    (data / "partitions.json").write_text('{"documentation": "kept"}')
    names = [file.relative_to(tmp_path).as_posix() for file in data.rglob("*.json*")]
    slim_descriptions(tmp_path, names, frozenset({"glue", "stepfunctions"}))
    once = {name: (tmp_path / name).read_bytes() for name in names}
    assert json.loads(gzip.decompress(once["botocore/data/glue/1/service-2.json.gz"])) == {
        "metadata": {"apiVersion": "1"},
        "documentation": "",
        "shapes": {"Table": {"members": {"documentation": {"shape": "Text"}}, "documentation": ""}},
    }
    left = [{"partition": "aws", "services": {"states": {"a": 1}}}]
    assert json.loads(once["botocore/data/endpoints.json"]) == {"partitions": left, "version": 3}
    assert once["botocore/data/partitions.json"] == b'{"documentation": "kept"}'
    slim_descriptions(tmp_path, names, frozenset({"glue", "stepfunctions"}))
    assert once == {name: (tmp_path / name).read_bytes() for name in names}


def test_a_slim_description_leads_to_the_same_endpoints_as_a_whole_one(tmp_path):
    whole = Path(botocore.__file__).parent / "data"
    shutil.copytree(whole, tmp_path / "botocore/data", ignore=lambda _, names: [n for n in names if not _data(n)])
    names = [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.json*")]
    slim_descriptions(tmp_path, names, SERVICES)
    found = []
    for folder in (whole, tmp_path / "botocore/data"):
        session = botocore.session.Session()
        session.set_credentials("key", "secret")
        session.register_component(
            "data_loader", Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)
        )
        regions = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1")
        found.append(
            {
                (service, region): session.create_client(service, region_name=region).meta.endpoint_url
                for service in SERVICES
                for region in regions
            }
        )
    assert found[0] == found[1]


def _data(name: str) -> bool:
    return "." in name or name in SERVICES or name[0].isdigit()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries of Linux")
def test_a_slim_library_is_smaller_and_works_as_before(tmp_path):
    (library,) = Path(zstandard.__file__).parent.glob("backend_c*.so")
    slim = tmp_path / library.name
    slim.write_bytes(slimmed(library.read_bytes()))
    assert slim.stat().st_size < library.stat().st_size / 2
    spec = importlib.util.spec_from_file_location("backend_c", slim)
    assert spec is not None
    script = (
        f"import importlib.util as u; s = u.spec_from_file_location('backend_c', {str(slim)!r}); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); "
        "print(m.ZstdDecompressor().decompress(m.ZstdCompressor().compress(b'orders')))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "b'orders'\n"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 100, b"\x7fELF\x01\x01" + bytes(100)])
def test_what_is_no_64_bit_library_is_left_as_it_is(content):
    assert slimmed(content) == content


def test_a_zip_has_the_same_bytes_whatever_the_clock_the_order_and_the_permissions(tmp_path):
    file = tmp_path / "a.py"
    digests = set()
    for number, order in enumerate((("a.py", "b.py"), ("b.py", "a.py"))):
        file.write_bytes(b"x = 1\n")
        os.utime(file, (10**9 + number, 10**9 + number))
        file.chmod(0o600 if number else 0o755)
        contents = {"a.py": file, "b.py": b"y = 2\n"}
        write_zip(tmp_path / f"{number}.zip", {name: contents[name] for name in order})
        digests.add((tmp_path / f"{number}.zip").read_bytes())
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        assert archive.testzip() is None
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_a_zip_that_breaks_off_leaves_the_one_before_it(tmp_path):
    out = tmp_path / "out.zip"
    write_zip(out, {"a.py": b"x = 1\n"})
    before = out.read_bytes()
    with pytest.raises(FileNotFoundError):
        write_zip(out, {"a.py": b"x = 2\n", "b.py": tmp_path / "missing.py"})
    assert out.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["out.zip"]


def test_compiled_modules_are_the_same_wherever_they_were_compiled_and_need_no_check(tmp_path):
    source = "WORDS = {'red', 'green', 'blue'}\ndef f(x):\n    return x in {'a', 'b', 'c', 'd'}\n"
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        (folder / "pkg").mkdir(parents=True)
        (folder / "pkg" / "m.py").write_text(source)
        (folder / "pkg" / "broken.py").write_text("def (:\n")
        binaries = compiled(sys.executable, folder, ["pkg/m.py", "pkg/broken.py"])
        assert list(binaries) == ["pkg/m.py"]
        contents.append((folder / binaries["pkg/m.py"]).read_bytes())
    assert contents[0] == contents[1]
    assert contents[0][4:8] == b"\x01\x00\x00\x00"  # PEP 552: by hash, never checked


def test_only_a_python_of_the_functions_version_may_compile(tmp_path, monkeypatch):
    assert interpreter(HERE) == sys.executable
    pretender = tmp_path / "python3.99"
    pretender.write_text("#!/bin/sh\necho 3.98\n")
    pretender.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreter("3.99") is None
    assert interpreter("3.97") is None


def test_wheels_are_chosen_for_the_functions_machine_not_for_this_one():
    arm = list(Target("arm64", "3.12").platforms)
    assert arm[0] == "manylinux_2_34_aarch64"
    assert "manylinux2014_aarch64" in arm
    assert not [tag for tag in arm if "x86" in tag]


@pytest.mark.parametrize(
    "target", [("sparc", "3.12"), ("arm64", "2.7"), ("arm64", "3"), ("arm64", "x"), ("arm64", "3.9")]
)
def test_a_target_that_lambda_does_not_have_is_refused(target):
    with pytest.raises(ConfigError, match="say "):
        Target(*target)


def test_every_locked_wheel_is_pinned_and_hashed():
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(pins) > 10
    assert all(re.fullmatch(r"[a-z0-9\[\]-]+==\S+ \\", pin) for pin in pins), "a pin without a hash, or a marker"


def test_a_missing_wheel_is_told_with_its_remedy(tmp_path):
    with pytest.raises(ConfigError, match="--wheels"):
        unpack(tmp_path / "out", Target("x86_64", HERE), tmp_path)
    with pytest.raises(NotFoundError, match="no folder"):
        unpack(tmp_path / "out", Target("x86_64", HERE), tmp_path / "nowhere")


def test_a_wheel_with_other_bytes_than_the_locked_one_is_refused(tmp_path):
    wheel = tmp_path / "six-1.17.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("six.py", "")
        archive.writestr("six-1.17.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
        archive.writestr("six-1.17.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("six-1.17.0.dist-info/RECORD", "")
    lock = tmp_path / "lock.txt"
    pins = re.findall(r"^six==.*?\n(?=\S)", LOCK.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lock.write_text(pins[0])
    with pytest.raises(ConfigError, match=r"(?i)hash"):
        unpack(tmp_path / "out", Target("x86_64", HERE), tmp_path, lock)


def test_a_package_without_compiled_modules_says_how_to_have_them():
    slow = Package(Path("package.zip"), Target("arm64", "3.13"), "", (), bytecode=False)
    assert "python3.13 is on the PATH" in slow.advice
    assert replace(slow, bytecode=True).advice == ""


def test_a_package_over_lambdas_limit_is_refused_and_the_largest_parts_are_named():
    fine = (Part("duckdb", "2", 1, LIMIT - 1), Part("six", "1", 1, 1))
    refuse_too_large(fine)
    with pytest.raises(ConfigError, match="duckdb 250 MiB"):
        refuse_too_large((*fine, Part("straw", "1", 1, 1)))
