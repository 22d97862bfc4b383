"""Records that a check sets aside have their number and line too, blank rows and odd line ends or not."""

import pytest

from orderlake import Lake
from orderlake.config import PROJECT_FILE

PIPELINE = """
pipeline: checked
sources:
  sales:
    match: "*.csv"
    format: csv
    key: id
    tables:
      sales:
        columns: {id: bigint required, amount: money}
        checks:
          positive: {range: {column: amount, min: 0}, on_fail: quarantine}
"""


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("text", "number", "line"),
    [
        ("id,amount\n1,1\n2,-1\n", 2, 3),
        ("id,amount\n,\n\n1,1\n , \n2,-1\n", 2, 6),
        ("made by hand\n\nid,amount\n1,1\n2,-1\n", 2, 5),
        ("id,amount\r\n1,1\r\n2,-1\r\n", 2, 3),
        ("id,amount\r1,1\r2,-1\r", 2, 3),
        ('id,amount,note\n1,1,"a\nb"\n2,-1,x\n', 2, 4),
        ('id,amount,note\n1,1,5" nail\n2,-1,x\n', 2, 3),
    ],
)
def test_a_row_that_fails_a_check_is_told_by_its_number_and_line(tmp_path, text, number, line):
    for name in ("raw", "pipelines"):
        (tmp_path / name).mkdir()
    (tmp_path / PROJECT_FILE).touch()
    (tmp_path / "pipelines" / "checked.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "raw" / "sales.csv").write_bytes(text.encode())
    with Lake(tmp_path) as lake:
        (report,) = lake.run()
        assert (report.read, report.loaded, report.quarantined) == (2, 1, 1)
        ((position, at, raw),) = lake.query("SELECT position, line, record FROM quarantine").rows
        assert (position, at, raw[:4]) == (number, line, "2,-1")
        assert lake.verify().findings == ()
