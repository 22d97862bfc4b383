"""Events of loads: each load is a run that begins and ends, with files, tables, columns and counts."""

import json
import logging
import uuid

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from orderlake.errors import ConfigError, MissingExtraError
from orderlake.lake import Lake
from orderlake.loading import Loader
from orderlake.telling import teller as telling
from tests.reference import NOON, SECOND, new_lake, order, put, written
from tests.unit.lineage.endpoint import endpoint
from tests.unit.lineage.official import event
from tests.unit.test_house import ROOT

SCHEMA = ROOT / "docs" / "lineage" / "OrderlakeRecordsRunFacet.json"


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Nothing of the environment of who runs the tests."""
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE_NAMESPACE", "OPENLINEAGE_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def shop(tmp_path, settings="lineage:\n  file: events.ndjson\n", change=lambda text: text):
    new_lake(tmp_path / "shop", change).close()
    file = tmp_path / "shop" / "orderlake.yaml"
    file.write_text(file.read_text() + settings)
    return Lake(tmp_path / "shop")


def told(tmp_path):
    file = tmp_path / "shop" / "events.ndjson"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def named(events):
    return [(each["eventType"], each["job"]["name"]) for each in events]


def test_a_load_is_a_run_with_its_files_tables_and_counts(tmp_path):
    with shop(tmp_path) as lake:
        records = [order(1, "A", "B"), order(2), {"order_id": "x"}]
        written(lake, lake.project.raw / "orders_1.json", records, NOON)
        (report,) = lake.run()
    started, ended = told(tmp_path)
    assert named([started, ended]) == [("START", "orders.orders"), ("COMPLETE", "orders.orders")]
    assert started["run"]["runId"] == ended["run"]["runId"] == str(uuid.UUID(report.load_id))
    assert started["job"]["namespace"] == "orderlake.shop"
    file = {"namespace": "file", "name": str(tmp_path / "shop" / "raw" / "orders_1.json")}
    assert [{name: each[name] for name in file} for each in started["inputs"] + ended["inputs"]] == [file, file]
    statistics = ended["inputs"][0]["inputFacets"]["inputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (3, report.bytes, 1)
    rows = {each["name"]: each["outputFacets"]["outputStatistics"]["rowCount"] for each in ended["outputs"]}
    lake_folder = tmp_path / "shop" / "lake"
    assert rows == {
        str(lake_folder / table): count
        for table, count in (("orders", 2), ("order_lines", 2), ("orders_parquet_datalake", 2), ("quarantine", 1))
    }
    counts = ended["run"]["facets"]["orderlake_records"]
    assert {name: value for name, value in counts.items() if name[0] != "_"} == {
        "read": 3,
        "loaded": 2,
        "superseded": 0,
        "duplicate": 0,
        "quarantined": 1,
    }
    assert started["eventTime"] <= ended["eventTime"]


def test_every_event_is_one_that_the_official_client_understands(tmp_path):
    with shop(tmp_path) as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A"), {"order_id": "x"}], NOON)
        (lake.project.raw / "orders_bad.json").write_text("garbage")
        lake.run()
    events = told(tmp_path)
    assert len(events) == 4
    for each in events:
        parsed = event(each)
        assert parsed.run.runId == each["run"]["runId"]
        assert each["schemaURL"] == parsed.schemaURL


def test_our_own_facet_is_as_its_schema_says(tmp_path):
    with shop(tmp_path) as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
    facet = told(tmp_path)[1]["run"]["facets"]["orderlake_records"]
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert facet["_schemaURL"] == f"{schema['$id']}#/$defs/OrderlakeRecordsRunFacet"
    check = jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/OrderlakeRecordsRunFacet"})
    check.validate(facet)
    with pytest.raises(jsonschema.ValidationError):
        check.validate({**facet, "read": -1})


def test_columns_come_from_paths_of_the_record_and_keys_decide_which_count(tmp_path):
    def change(text):
        text = text.replace("    key: order_id", "    key: order_id\n    sequence_by: updated\n    #", 1)
        return text.replace(
            "          order_id: bigint required\n          order_date: date required\n          total_amount",
            "          order_id: bigint required\n          updated: bigint\n"
            "          order_date: {type: date, required: true, format: '%Y-%m-%d'}\n          total_amount",
        )

    with shop(tmp_path, change=change) as lake:
        written(lake, lake.project.raw / "orders_1.json", [order(1, "A", updated=3)], NOON)
        lake.run()
    outputs = {each["name"].rsplit("/", 1)[-1]: each["facets"] for each in told(tmp_path)[1]["outputs"]}
    lineage = outputs["orders"]["columnLineage"]

    def source(table, column):
        (found,) = outputs[table]["columnLineage"]["fields"][column]["inputFields"]
        (how,) = found["transformations"]
        return found["field"], how["type"], how["subtype"]

    assert source("orders", "customer_name") == ("customer.name", "DIRECT", "IDENTITY")
    assert source("orders", "order_date") == ("order_date", "DIRECT", "TRANSFORMATION")
    assert source("order_lines", "line_number") == ("products", "DIRECT", "TRANSFORMATION")
    assert source("order_lines", "price") == ("products.price", "DIRECT", "IDENTITY")
    deciding = [(each["field"], each["transformations"][0]["subtype"]) for each in lineage["dataset"]]
    assert deciding == [("order_id", "GROUP_BY"), ("updated", "SORT")]
    assert {each["transformations"][0]["type"] for each in lineage["dataset"]} == {"INDIRECT"}
    columns = {each["name"]: each["type"] for each in outputs["orders"]["schema"]["fields"]}
    assert columns["total_amount"] == "DECIMAL(18,2)"
    assert "_source_file" in columns
    assert "_source_file" not in lineage["fields"]


def test_a_rejected_file_is_a_run_that_fails_with_its_reason_and_once_only(tmp_path):
    with shop(tmp_path) as lake:
        put(lake.project.raw / "orders_2.json", [order(1)], NOON)
        (lake.project.raw / "orders_bad.json").write_text("garbage")
        lake.run()
        (lake.project.raw / "nobody.xml").write_text("")
        lake.run()
    events = told(tmp_path)
    failed = [each for each in events if each["eventType"] == "FAIL"]
    assert [each["inputs"][0]["name"].rsplit("/", 1)[-1] for each in failed] == ["orders_bad.json"]
    assert "is not JSON" in failed[0]["run"]["facets"]["errorMessage"]["message"]
    assert failed[0]["outputs"] == []
    begun = [each["run"]["runId"] for each in events if each["eventType"] == "START"]
    ended = [each["run"]["runId"] for each in events if each["eventType"] != "START"]
    assert sorted(begun) == sorted(ended)


def test_what_is_loaded_already_is_no_news(tmp_path):
    with shop(tmp_path) as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
        before = told(tmp_path)
        lake.run()
    assert told(tmp_path) == before != []


def test_a_load_that_is_interrupted_is_aborted(tmp_path, monkeypatch):
    with shop(tmp_path) as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)

        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Loader, "_files", stop)
        with pytest.raises(KeyboardInterrupt):
            lake.run()
    assert named(told(tmp_path)) == [("START", "orders.orders"), ("ABORT", "orders.orders")]
    assert told(tmp_path)[1]["run"]["facets"]["errorMessage"]["message"] == "KeyboardInterrupt"
    assert told(tmp_path)[0]["run"] == {**told(tmp_path)[1]["run"], "facets": {}}


def test_many_files_are_one_run_whose_columns_are_traced_to_one_of_them(tmp_path):
    with shop(tmp_path) as lake:
        for number in range(25):
            put(lake.project.raw / f"orders_{number}.json", [order(number + 1)], NOON + number * SECOND)
        lake.run()
    started, ended = told(tmp_path)
    assert len(started["inputs"]) == len(ended["inputs"]) == 25
    field = ended["outputs"][0]["facets"]["columnLineage"]["fields"]["order_id"]
    assert len(field["inputFields"]) == 1


def test_events_are_posted_where_the_project_says(tmp_path):
    with endpoint() as at, shop(tmp_path, f"lineage:\n  url: {at.url}\n  namespace: mine\n") as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
        assert named(at.events) == [("START", "orders.orders"), ("COMPLETE", "orders.orders")]
        assert set(at.paths) == {"/api/v1/lineage"}
        assert {each["job"]["namespace"] for each in at.events} == {"mine"}


def test_the_environment_of_openlineage_goes_before_the_project(tmp_path, monkeypatch):
    with endpoint() as at, shop(tmp_path) as lake:
        monkeypatch.setenv("OPENLINEAGE_URL", at.url)
        monkeypatch.setenv("OPENLINEAGE_ENDPOINT", "here")
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "secret")
        monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "theirs")
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
        assert at.paths == ["/here", "/here"]
        assert at.headers[0]["Authorization"] == "Bearer secret"
        assert at.events[0]["job"]["namespace"] == "theirs"
    assert told(tmp_path) == []


def test_a_configuration_of_openlineage_is_honoured(tmp_path, monkeypatch):
    config = tmp_path / "openlineage.yml"
    config.write_text(f"transport:\n  type: file\n  log_file_path: {tmp_path}/theirs.ndjson\n  append: true\n")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
    with shop(tmp_path, "") as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
    events = [json.loads(line) for line in (tmp_path / "theirs.ndjson").read_text().splitlines()]
    assert named(events) == [("START", "orders.orders"), ("COMPLETE", "orders.orders")]


def test_lineage_can_be_turned_off(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    with shop(tmp_path) as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        lake.run()
    assert told(tmp_path) == []


@pytest.mark.parametrize("status", [None, 500])
def test_an_endpoint_that_is_away_or_broken_fails_no_load_and_is_said_once(tmp_path, caplog, monkeypatch, status):
    monkeypatch.setattr("orderlake.lineage.send._PAUSE", 3600.0)  # however slow this machine is
    with endpoint() as at:
        at.status = status or 201
        url = at.url if status else "http://127.0.0.1:1"
        with shop(tmp_path, f"lineage:\n  url: {url}\n") as lake:
            for number in range(3):
                put(lake.project.raw / f"orders_{number}.json", [order(number + 1)], NOON)
                (report,) = [each for each in lake.run() if each.status == "loaded"]
                assert report.loaded == 1
    first, last = [record.getMessage() for record in caplog.records if record.name == "orderlake.lineage"]
    assert first.startswith(f"lineage: an event was not sent to {url}: ")
    assert first.endswith(("Connection refused", "too many 500 error responses"))
    assert last == f"lineage: 6 events were not sent to {url}; the data itself is complete"


def test_a_project_that_wants_events_needs_the_client_and_an_environment_alone_does_not(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(telling, "_is_installed", lambda: False)
    with shop(tmp_path) as lake, pytest.raises(MissingExtraError, match=r"pip install 'orderlake\[lineage\]'"):
        lake.run()
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:1")
    with shop(tmp_path / "other", "") as lake:
        put(lake.project.raw / "orders_1.json", [order(1)], NOON)
        with caplog.at_level(logging.WARNING):
            assert [report.status for report in lake.run()] == ["loaded"]
    assert "none are sent. OpenLineage events need the extra" in caplog.text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("lineage: yes\n", "takes `file: PATH` or `url"),
        ("lineage:\n  where: x\n", "takes `file: PATH` or `url"),
        ("lineage:\n  file: 7\n", "takes `file: PATH` or `url"),
        ("lineage:\n  namespace: x\n", "give it a `file` or a `url`"),
        ("lineage:\n  file: a\n  url: http://b\n", "give it a `file` or a `url`"),
        ("lineage:\n  url: localhost:5000\n", "must begin with http:// or https://"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(tmp_path, settings, said):
    with pytest.raises(ConfigError, match=said):
        shop(tmp_path, settings)
