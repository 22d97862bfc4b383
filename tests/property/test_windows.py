"""Whatever the records, their layout and the size of the windows: a stream is staged as a file is."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.kernel.staging import ORDERS, stream_of
from tests.unit.kernel.test_windows import same

BOUNDED = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
PACKED: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.lists(st.sampled_from(["},{", '"order_id":', "]", "[", "}", "{", '"', "\\", "\n", ",", "ü", " "])).map("".join),
)
products = st.fixed_dictionaries(
    {"order_id": st.integers(0, 9), "sku": texts}, optional={"price": st.sampled_from(["1.25", "x", None])}
)
"""Elements of a list that begin as the records around them do."""
records = st.fixed_dictionaries(
    {"order_id": st.one_of(st.integers(1, 10**12), st.just("bad"))},
    optional={
        "customer": st.one_of(st.none(), st.fixed_dictionaries({"name": texts})),
        "products": st.one_of(st.none(), st.lists(products, max_size=6)),
        "extra": st.recursive(
            texts, lambda inner: st.one_of(st.lists(inner), st.dictionaries(texts, inner)), max_leaves=6
        ),
    },
)
others = st.sampled_from([17, None, "text", [1], [], {}, {"products": [{"order_id": 1}]}])


def laid_out(layout: str, found: list[Any], escaped: bool) -> str:
    def dump(value: Any, **how: Any) -> str:
        return json.dumps(value, ensure_ascii=escaped, **how)

    return {
        "lines": lambda: "\n".join(map(dump, found)),
        "array": lambda: dump(found),
        "compact": lambda: dump(found, separators=(",", ":")),
        "pretty": lambda: dump(found, indent=2),
        "a record a line": lambda: "[\n" + ",\n".join(map(dump, found)) + "\n]\n",
        "envelope": lambda: dump({"page": 1, "orders": found, "next": {"orders": []}}),
        "pretty envelope": lambda: dump({"orders": found}, indent=1),
    }[layout]()


layouts = st.sampled_from(["lines", "array", "compact", "pretty", "a record a line", "envelope", "pretty envelope"])


@BOUNDED
@given(
    st.lists(records, max_size=12),
    layouts,
    st.booleans(),
    st.sampled_from([24, 90, 400]),
    st.sampled_from(list(PACKED)),
)
def test_a_stream_in_windows_is_staged_as_a_file_is(found, layout, escaped, size, packed):
    data = PACKED[packed](laid_out(layout, found, escaped).encode())
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        same(Path(folder), data, patch, stream_of(ORDERS, envelope="orders"), size)


@BOUNDED
@given(st.lists(st.one_of(records, others), max_size=8), layouts, st.sampled_from([24, 90]), st.data())
def test_damage_is_told_of_a_stream_as_of_a_file(found, layout, size, data):
    text = laid_out(layout, found, escaped=True)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    damaged = text[:start] + data.draw(st.sampled_from(["", "}", "{", "]", "[", '"', "\n", ","])) + text[end:]
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(damaged))))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        same(Path(folder), damaged[:cut].encode(), patch, stream_of(ORDERS, envelope="orders"), size)
