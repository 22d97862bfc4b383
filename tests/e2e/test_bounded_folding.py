"""What small loads have left is folded in little memory, however many rows there are in all."""

from pathlib import Path

import pytest

from orderlake import Lake
from orderlake.errors import ConfigError

pytestmark = pytest.mark.e2e

LOADS = (*[25_600] * 7, *[3_200] * 7, *[400] * 7, *[50] * 8)
"""Orders of each: with the last one files of every size are folded at once, 204,800 rows of the index among them."""
ORDER = '{{"order_id":{0},"order_date":"2025-01-{1:02}","total_amount":5,"customer":{{"customer_id":{2}}}}}\n'


def shop(folder: Path, memory_mb: int) -> Lake:
    Lake.init(folder, ["orders"]).close()
    with (folder / "orderlake.yaml").open("a") as settings:
        settings.write(f"\nmemory_mb: {memory_mb}\nmaintenance: off\n")
    return Lake(folder)


def test_many_loads_fold_into_one_file_in_a_fifth_of_the_memory(tmp_path):
    first = 0
    with shop(tmp_path / "shop", 40) as lake:
        for number, count in enumerate(LOADS):
            file = tmp_path / "shop" / "raw" / f"orders_{number}.ndjson"
            orders = range(first, first := first + count)
            file.write_text("".join(ORDER.format(each, each % 28 + 1, each % 1_000) for each in orders))
            (report,) = lake.run([file])
            assert (report.status, report.loaded) == ("loaded", count)
        assert lake.query("SELECT count(*), count(DISTINCT order_id) FROM orders").rows == ((first, first),)
        files = {table.name: table.files for table in lake.tables()}
        assert files["orders"] == 1
        assert lake.verify().ok


def test_too_little_memory_is_said_so(tmp_path):
    with shop(tmp_path / "shop", 1) as lake:
        file = tmp_path / "shop" / "raw" / "orders_1.ndjson"
        file.write_text("".join(ORDER.format(each, 1, each) for each in range(50_000)))
        with pytest.raises(ConfigError, match="memory_mb is too small"):
            lake.run([file])
