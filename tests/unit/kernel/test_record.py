"""One record of a file by its number: the same one that a load numbers so, in every layout."""

import gzip
import json

import pytest

from orderlake.errors import NotFoundError, UnreadableObjectError
from orderlake.kernel.record import record_at
from orderlake.samples import sample_paths
from orderlake.sources import stream_of
from orderlake.wiring import bundled_pipelines, load_pipeline
from tests.reference import NOON, new_lake, order, put

RECORDS = [order(number, "A") for number in (5, 6, 7)]
LAYOUTS = {
    "orders_array.json": json.dumps(RECORDS, indent=2).encode(),
    "orders_lines.ndjson": b"\n".join(json.dumps(each).encode() for each in RECORDS) + b"\n",
    "orders_packed.json.gz": gzip.compress(json.dumps(RECORDS).encode()),
    "orders_wide.json": json.dumps(RECORDS).encode("utf-16"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_record_is_the_one_that_a_row_names(tmp_path, name):
    with new_lake(tmp_path) as lake:
        (lake.project.raw / name).write_bytes(LAYOUTS[name])
        lake.run()
        (stream,) = lake.pipelines[0].streams
        for number, row in lake.query("SELECT order_id, _source_row FROM orders").rows:
            found = record_at(lake.project.raw / name, stream, row, tmp_path)
            assert json.loads(found.text)["order_id"] == number


def test_a_record_of_an_envelope_and_a_row_of_csv(tmp_path):
    for kind, wanted in (("shopify", "shopify_orders_sample.json"), ("olist", "olist_orders_dataset.csv")):
        pipeline = load_pipeline(bundled_pipelines()[kind])
        path = next(each for each in sample_paths(kind) if each.name == wanted)
        with new_lake(tmp_path / kind) as lake:
            source = lake.sources.find([path])[0]
        _, stream = stream_of([pipeline], source, None)
        assert record_at(path, stream, 2, tmp_path).text != record_at(path, stream, 1, tmp_path).text
        assert record_at(path, stream, 1, tmp_path).line > 1


def test_a_record_that_is_not_there_is_not_found(tmp_path):
    stream = load_pipeline(bundled_pipelines()["orders"]).streams[0]
    path = put(tmp_path / "orders_1.json", RECORDS, NOON)
    with pytest.raises(NotFoundError, match=r"orders_1\.json has no record 4"):
        record_at(path, stream, 4, tmp_path)
    (tmp_path / "orders_2.json").write_text('[{"order_id": 1')
    with pytest.raises(UnreadableObjectError, match="does not tell its records"):
        record_at(tmp_path / "orders_2.json", stream, 1, tmp_path)
