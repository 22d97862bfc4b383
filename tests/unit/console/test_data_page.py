"""The page Data: what tables there are, and what each is made of, told without reading rows."""

import html
import json
import re

import pytest

from orderlake import Lake


def text_of(answer):
    """What a page says, without its markup."""
    return _words(answer.text)


def rows_of(answer, label):
    """The cells of the table in the region of this name, a list per row."""
    region = re.search(
        rf'role="group" (?:aria-label="{label}"|aria-labelledby="{label}").*?</table>', answer.text, re.DOTALL
    )
    assert region, label
    body = region[0].partition("<tbody>")[2]
    rows = re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    return [[_words(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def _words(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def test_every_table_is_listed_with_what_a_row_is_and_its_size(shop, opened):
    answer = opened(shop).get("/data")
    rows = rows_of(answer, "Tables")
    assert [row[0].split()[0] for row in rows] == ["orders", "order_lines", "orders_parquet_datalake", "check_results"]
    assert "one row per order_id" in rows[0][0]
    assert "one row per entry of products" in rows[1][0]
    assert [row[1].split()[0] for row in rows] == ["iceberg", "iceberg", "parquet", "iceberg"]
    with Lake(shop) as lake:
        for row, info in zip(rows, lake.tables(), strict=True):
            assert row[2:4] == [f"{info.rows:,}", f"{info.files:,}"]
    assert [row[5:7] for row in rows] == [["1", "100"], ["1", "100"], ["–", "–"], ["1", "100"]]


def test_a_table_that_is_not_well_says_why(shop, opened):
    client = opened(shop)
    assert "Health 100 of 100" in text_of(client.get("/data/orders"))
    waste = {f"file://{shop}/lake/orders/data/{number}.parquet": [1, 10**9] for number in range(2)}
    (shop / "lake" / ".unneeded.json").write_text(json.dumps({"format": 1, "files": waste}), "utf-8")
    said = text_of(opened(shop).get("/data/orders"))
    assert "Health 70 of 100" in said
    assert "2 files (2.0 GB) that nothing needs: orderlake maintain deletes them." in said


def test_a_table_leads_to_the_load_that_wrote_to_it_last(shop, opened):
    client = opened(shop)
    link = re.search(r'href="(/loads/[0-9a-f]{24})"', client.get("/data").text)
    assert link
    assert client.get(link[1]).status_code == 200


def test_quarantine_is_listed_once_it_has_rows(shop, put, opened):
    assert "quarantine" not in opened(shop).get("/data").text.partition("<main")[2].partition("Marts")[0]
    put("orders_bad.json", [{"order_id": "x"}])
    with Lake(shop) as lake:
        lake.run()
    assert "quarantine" in opened(shop).get("/data").text


def test_marts_stand_apart_from_tables(shop, opened):
    (shop / "marts").mkdir()
    (shop / "marts" / "per_day.sql").write_text("SELECT order_date, count(*) AS orders FROM orders GROUP BY ALL")
    with Lake(shop) as lake:
        lake.marts()
        days = lake.query("SELECT count(*) FROM per_day").rows[0][0]
    client = opened(shop)
    (mart,) = rows_of(client.get("/data"), "Marts")
    assert mart[0] == "per_day"
    assert mart[1:3] == ["mart", str(days)]
    assert "order_date" in text_of(client.get("/data/per_day"))


def test_columns_tell_their_type_their_origin_and_what_they_are_for(shop, opened):
    columns = {row[0].split()[0]: row for row in rows_of(opened(shop).get("/data/orders"), "columns-title")}
    assert columns["order_id"][:4] == ["order_id key required", "BIGINT", "order_id", "0%"]
    assert columns["order_date"][0] == "order_date required partition"
    assert columns["order_date"][4:] == ["2024-01-05", "2024-04-02"]
    assert columns["customer_name"][2] == "customer.name"
    assert columns["total_amount"][4:] == ["0.00", "248.99"]
    assert columns["_load_id"][0] == "_load_id lineage"
    assert columns["email"][4].endswith("…")


def test_nulls_are_counted_over_all_files(shop, put, opened):
    put("orders_x.json", [{"order_id": 5000 + n, "order_date": "2030-01-01"} for n in range(13)])
    with Lake(shop) as lake:
        lake.run()
        (counts,) = lake.query("SELECT count(*), count(email), max(order_date) FROM orders").rows
    columns = {row[0].split()[0]: row for row in rows_of(opened(shop).get("/data/orders"), "columns-title")}
    assert columns["email"][3] == f"{(counts[0] - counts[1]) / counts[0]:.1%}".replace(".0%", "%")
    assert columns["order_date"][5] == str(counts[2])


def test_bounds_and_nulls_of_plain_parquet_come_from_its_footers(shop, opened):
    columns = {row[0]: row for row in rows_of(opened(shop).get("/data/orders_parquet_datalake"), "columns-title")}
    with Lake(shop) as lake:
        least, most, nulls, rows = lake.query(
            "SELECT min(quantity), max(quantity), count(*) - count(email), count(*) FROM orders_parquet_datalake"
        ).rows[0]
    assert columns["quantity"][4:] == [str(least), str(most)]
    assert columns["email"][3] == (f"{nulls / rows:.1%}" if nulls else "0%")


def test_partitions_snapshots_and_files_add_up_to_the_table(shop, put, opened):
    put("orders_x.json", [{"order_id": 1001, "order_date": "2031-07-01", "total_amount": 1}])
    with Lake(shop) as lake:
        lake.run()
        total = lake.query("SELECT count(*) FROM orders").rows[0][0]
    answer = opened(shop).get("/data/orders")
    parts = rows_of(answer, "parts-title")
    assert parts[0][0] == "2031-07"
    assert sum(int(row[1].replace(",", "")) for row in parts) == total
    newest, first = rows_of(answer, "versions-title")
    assert newest[1:6] == ["overwrite", *newest[2:6]]
    assert int(first[2]) + int(newest[2]) - int(newest[3]) == total == int(newest[6])
    files = rows_of(answer, "files-title")
    assert sum(int(row[2]) for row in files) == total
    assert all(row[0].startswith("orders/data/") for row in files)


def test_a_snapshot_leads_to_the_files_of_its_load(shop, opened):
    client = opened(shop)
    link = re.search(r'href="(/loads\?load=[0-9a-f]+)"', client.get("/data/orders").text)
    assert link
    assert "raw/orders_sample.json" in client.get(link[1]).text


def test_some_rows_are_shown_and_nulls_are_told_from_texts(shop, put, opened):
    put("orders_x.json", [{"order_id": 7, "order_date": "2031-07-01", "customer": {"name": "null"}}])
    with Lake(shop) as lake:
        lake.run()
    answer = opened(shop).get("/data/orders")
    assert len(rows_of(answer, "sample-title")) == 14
    assert '<td class="null">null</td>' in answer.text
    assert '<td class="nowrap">null</td>' in answer.text


def test_no_more_than_fifty_rows_and_their_long_texts_cut(shop, put, opened):
    long = "x" * 100_000
    put("orders_x.json", [{"order_id": n, "order_date": "2031-07-01", "customer": {"name": long}} for n in range(200)])
    with Lake(shop) as lake:
        lake.run()
    answer = opened(shop).get("/data/orders")
    assert len(rows_of(answer, "sample-title")) == 50
    assert len(answer.text) < 200_000


def test_a_table_leads_to_its_question(shop, opened):
    client = opened(shop)
    link = re.search(r'href="(/query\?sql=[^"]+)"', client.get("/data/orders").text)
    assert link
    assert "SELECT * FROM orders LIMIT 100" in html.unescape(client.get(html.unescape(link[1])).text)


def test_a_table_that_does_not_exist_is_a_page_that_names_those_that_do(shop, opened):
    answer = opened(shop).get("/data/customers")
    assert answer.status_code == 404
    assert "there is no table customers" in text_of(answer)
    assert "order_lines" in text_of(answer)


def test_what_changes_shows_at_the_next_request(shop, put, opened):
    client = opened(shop)
    before = rows_of(client.get("/data"), "Tables")[0][2]
    put("orders_x.json", [{"order_id": 7, "order_date": "2031-07-01"}])
    with Lake(shop) as lake:
        lake.run()
    assert rows_of(client.get("/data"), "Tables")[0][2] == str(int(before) + 1)
    assert rows_of(client.get("/data/orders"), "parts-title")[0][0] == "2031-07"


def test_nothing_is_told_twice_while_the_lake_is_as_it_was(shop, opened, monkeypatch):
    client = opened(shop)
    client.get("/data")
    client.get("/data/orders")
    monkeypatch.setattr(type(client.console.session), "anatomy", lambda *_, **__: pytest.fail("read again"))
    assert client.get("/data").status_code == client.get("/data/orders").status_code == 200


def test_footers_of_files_that_are_as_they_were_are_not_read_again(shop, put, opened, monkeypatch):
    client = opened(shop)
    client.get("/data/orders_parquet_datalake")
    asked = []
    footers = type(client.console.session._footers)
    read = footers._asked

    def counted(self, select, function, files, rest=""):
        asked.append(len(files))
        return read(self, select, function, files, rest)

    monkeypatch.setattr(footers, "_asked", counted)
    put("orders_x.json", [{"order_id": 7, "order_date": "2031-07-01", "products": [{"product_id": "P1"}]}])
    with Lake(shop) as lake:
        lake.run()
    assert "2031-07-01" in client.get("/data/orders_parquet_datalake").text
    assert asked == [1, 1]


def test_an_empty_lake_says_how_to_fill_it(empty, opened):
    client = opened(empty)
    assert "orderlake generate orders" in text_of(client.get("/data"))
    answer = client.get("/data/orders")
    assert answer.status_code == 200
    assert "orderlake run" in text_of(answer)


def test_a_project_without_pipelines_says_how_to_get_one(empty, opened):
    (empty / "pipelines" / "orders.yaml").unlink()
    assert "orderlake init . --pipeline orders" in text_of(opened(empty).get("/data"))


def test_columns_that_came_and_went_with_the_pipeline_are_shown(shop, put, opened):
    file = shop / "pipelines" / "orders.yaml"
    text = file.read_text("utf-8")
    changed = text.replace("total_amount: money\n", "total_amount: decimal(20,2)\n          coupon: string\n")
    for gone in (
        "          address: string from customer.address pii\n",
        "          category: string from products.category\n",
    ):
        changed = changed.replace(gone, "")
    file.write_text(changed, "utf-8")
    put("orders_new.json", [{"order_id": 9, "order_date": "2024-05-05", "total_amount": "1.00", "coupon": "X"}])
    with Lake(shop) as lake:
        assert any(report.changes for report in lake.run())
    client = opened(shop)
    facts = {row[0].split()[0]: row for row in rows_of(client.get("/data/orders"), "columns-title")}
    assert {"coupon", "address", "total_amount"} <= set(facts)
    assert any("DECIMAL(20,2)" in cell for cell in facts["total_amount"])
    for page in ("/", "/data", "/data/order_lines", "/data/orders_parquet_datalake", "/loads", "/quality", "/lineage"):
        assert client.get(page).status_code == 200, page
    asked = client.get("/query", params={"sql": "SELECT address, coupon FROM orders WHERE order_id = 9"})
    assert asked.status_code == 200
