"""The page Query: nothing runs that its user did not ask for, nothing is read but the lake, and data stays text."""

import html
import re
import threading
import time

import pytest
from starlette.testclient import TestClient

from orderlake import Lake
from orderlake.console import asking
from orderlake.console.app import make_app
from orderlake.console.pages.query import TOKEN
from orderlake.console.state import Console
from tests.reference import NOON, order, put

ORIGIN = {"origin": "http://127.0.0.1:7373"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    with Lake.init(folder, ["orders"]) as lake:
        customer = {"customer_id": 1, "name": EVIL}
        put(
            folder / "raw" / "orders.json",
            [order(number, "P1", "P2", customer=customer, day=f"2024-01-0{number}") for number in range(1, 6)],
            NOON,
        )
        lake.run()
        opened = Console(lake)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def client(console):
    return TestClient(make_app(console), base_url="http://127.0.0.1:7373")


@pytest.fixture
def ask(client):
    def asked(sql, **more):
        answer = client.get("/query", params={"sql": sql, "run": TOKEN, **more})
        assert answer.status_code == 200
        return answer.text

    return asked


def shown(text):
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def test_a_statement_is_answered(ask):
    text = ask("SELECT order_id, total_amount, NULL AS nothing FROM orders ORDER BY 1")
    assert '<td class="number">10.00</td>' in text
    assert '<td class="null">NULL</td>' in text
    assert "5 rows." in text
    assert "decimal(18,2)" in text


def test_a_link_from_elsewhere_fills_in_the_editor_and_runs_nothing(client):
    for run in ({}, {"run": "guessed"}, {"run": ""}, {"run": "ü"}):
        text = client.get("/query", params={"sql": "SELECT 41 + 1 AS sum", **run}).text
        assert "SELECT 41 + 1 AS sum" in shown(text)
        assert "has not run" in text
        assert ">42<" not in text


def test_a_post_runs_from_the_consoles_own_pages_alone(client):
    form = {"sql": "SELECT 41 + 1 AS sum"}
    assert ">42<" in client.post("/query", data=form, headers=ORIGIN).text
    assert client.post("/query", data=form, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/query", data=form).status_code == 403


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '/tmp/orderlake-escaped'",
        "INSTALL httpfs",
        "ATTACH '/tmp/orderlake.db'",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
    ],
)
def test_what_leaves_the_lake_is_refused(ask, statement):
    text = ask(statement)
    assert 'role="alert"' in text
    assert "root:" not in text


def test_raw_files_of_the_project_may_be_read(ask, console):
    assert ">5<" in ask(f"SELECT count(*) FROM read_json('{console.lake.project.raw}/orders.json')")


def test_what_data_holds_is_text_wherever_it_stands(ask):
    for sql in (
        "SELECT DISTINCT customer_name FROM orders",
        f"SELECT 1 AS \"{EVIL}\", 'a' AS b UNION ALL SELECT 2, 'c'",
        "SELECT customer_name || order_id AS name, order_id FROM orders",
        f"SELECT '{EVIL}' FROM nowhere",
    ):
        for what in ("rows", "plan", "analyze"):
            text = ask(sql, do=what)
            assert EVIL not in text
            assert what != "rows" or "alert(1)" in text


def test_a_mistake_is_shown_with_its_place(ask):
    text = ask("SELECT\n  nope\nFROM orders")
    assert 'data-line="2"' in text
    assert "LINE 2:   nope" in shown(text)
    assert "The tables are: orders" in shown(text)


def test_a_thousand_rows_are_shown_and_it_says_so(ask):
    text = ask("SELECT range AS n FROM range(1001)")
    assert "The first 1,000 rows; there are more." in text
    assert (text.count("<tr>"), ">999<" in text, ">1000<" in text) == (1001, True, False)
    assert "1,000 rows." in ask("SELECT range AS n FROM range(1000)")


def test_an_endless_answer_begins_at_once(ask):
    assert "there are more" in ask("SELECT range AS n FROM range(100000000000)")


def test_a_long_value_is_cut_and_can_be_seen_whole(ask):
    text = ask("SELECT repeat('ab', 5000) AS long")
    assert f"<summary>{'ab' * 200}…</summary>" in text
    assert f"<pre>{'ab' * 5000}</pre>" in text


def test_the_plan_comes_as_text_and_measured_on_demand(ask):
    assert "Total Time" not in ask("SELECT * FROM orders", do="plan")
    assert "Total Time" in ask("SELECT * FROM orders", do="analyze")


def test_bytes_are_those_of_the_columns_that_are_read(ask, console):
    one = asking.scanned(console, "SELECT sum(total_amount) FROM orders WHERE order_id > 3")
    every = asking.scanned(console, "SELECT * FROM orders, order_lines")
    assert one is not None
    assert every is not None
    assert one.columns == {"orders": ("order_id", "total_amount")}
    assert 0 < one.bytes < every.bytes
    footers = console.session.query(
        "SELECT sum(total_compressed_size) FROM parquet_metadata("
        f"'{console.lake.project.lake}/orders/data/**/*.parquet') WHERE path_in_schema IN ('order_id', 'total_amount')"
    ).rows
    assert footers == ((one.bytes,),)
    assert "on Athena that is $0.00005" in ask("SELECT * FROM orders")
    assert asking.scanned(console, "SELECT * FROM read_text('x')") is None


def test_a_measure_that_is_counted_twice_is_warned_of_with_the_right_statement(ask):
    text = ask("SELECT sum(total_amount) FROM orders JOIN order_lines USING (order_id)")
    assert "total_amount is counted more than once." in text
    assert "Use this" in text
    assert "more than once" not in ask("SELECT sum(total_amount) FROM orders")


def test_a_saved_query_runs_with_its_parameters_and_its_chart(client):
    text = client.get("/query", params={"saved": "daily_orders", "run": TOKEN}).text
    assert '<figure class="chart">' in text
    assert "5 rows." in text
    text = client.get("/query", params={"saved": "daily_orders", "run": TOKEN, "p.start": "2024-01-04"}).text
    assert "2 rows." in text
    assert 'value="2024-01-04"' in text
    wrong = client.get("/query", params={"saved": "daily_orders", "run": TOKEN, "p.start": "'; DROP"}).text
    assert "start is a date" in shown(wrong)


def test_a_saved_query_from_a_link_does_not_run(client):
    text = client.get("/query", params={"saved": "daily_orders"}).text
    assert "has not run" in text
    assert "<figure" not in text
    assert "there is no saved query" in shown(client.get("/query", params={"saved": EVIL}).text)


def test_a_faulty_saved_query_is_named_and_hides_no_other(opened, shop):
    (shop / "queries").mkdir()
    (shop / "queries" / "mine.sql").write_text(f"-- title: {EVIL}\nSELECT 1")
    client = opened(shop)
    text = client.get("/query").text
    assert "mine.sql, line 1: the header lacks question, grain" in shown(text)
    assert "saved=daily_orders&amp;" in text
    for path in ("/quality", "/lineage?all=1"):
        assert client.get(path).status_code == 200
    assert "saved query daily_orders" in client.get("/lineage?all=1").text
    (shop / "marts").mkdir()
    (shop / "marts" / "wrong.sql").write_text("SELECT nope FROM orders")
    assert "wrong.sql: Binder Error" in shown(client.get("/query").text)


def test_a_chart_is_as_it_was_chosen(ask):
    sql = "SELECT order_date, total_amount, order_id FROM orders ORDER BY 1"
    assert "<option selected>line</option>" in ask(sql)
    text = ask(sql, kind="bar", x="order_date", y=["order_id"])
    assert "<option selected>bar</option>" in text
    assert re.search(r'value="order_id" checked', text)
    assert "<figure" not in ask(sql, kind="none")
    assert "<figure" in ask(sql, kind="stacked", x="nowhere", y=["nothing"])


def test_another_chart_is_of_the_same_answer_and_run_asks_anew(ask):
    def drawn(text):
        return re.findall(r"<td>([0-9a-f-]{36})</td>", text)

    sql = "SELECT order_id, CAST(uuid() AS VARCHAR) AS chance FROM orders"
    first = drawn(ask(sql))
    assert first
    assert drawn(ask(sql, kind="bar", x="chance", y=["order_id"])) == first
    assert drawn(ask(sql, kind="none")) == first
    second = drawn(ask(sql))
    assert second != first
    assert drawn(ask(sql, kind="none")) == second


def test_another_chart_of_a_lake_that_has_changed_is_of_what_it_holds_now(ask, console):
    sql = "SELECT order_id, 1 AS one FROM orders"
    ask(sql)
    console.lake.project.raw.joinpath("orders_more.json").write_text('[{"order_id": 77, "order_date": "2024-01-09"}]')
    console.lake.run()
    assert '<td class="number">77</td>' in ask(sql, kind="none")


def test_only_some_answers_are_kept(ask, console):
    for number in range(12):
        ask(f"SELECT {number} AS n")
    assert len(console.kept("answers", console.session.token(), dict)) == 8


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_whole_answer_is_exported(client, console, tmp_path, form):
    form_fields = {"sql": "SELECT range AS n, 'ü' AS u FROM range(5000); -- all", "form": form, "saved": f'x"{EVIL}'}
    answer = client.post("/query/export", data=form_fields, headers=ORIGIN)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="x_script_alert_1_script_.{form}"'
    file = tmp_path / f"answer.{form}"
    file.write_bytes(answer.content)
    with Lake(console.lake.project.root).session() as session:
        assert session.query(f"SELECT count(*), max(n), max(u) FROM '{file}'").rows == ((5000, 4999, "ü"),)
    assert not [each for each in console.session.folder.iterdir() if each.is_file()]


def test_an_export_that_fails_says_why_and_leaves_nothing(client, console):
    answer = client.post("/query/export", data={"sql": "SELECT nope", "form": "csv"}, headers=ORIGIN)
    assert (answer.status_code, "nope" in answer.text) == (400, True)
    assert client.post("/query/export", data={"sql": "SELECT 1", "form": "exe"}, headers=ORIGIN).status_code == 400
    assert client.post("/query/export", data={"sql": "SELECT 1", "form": "csv"}).status_code == 403
    assert not [each for each in console.session.folder.iterdir() if each.is_file()]


def test_a_statement_that_takes_too_long_ends(ask, monkeypatch):
    monkeypatch.setattr(asking, "SECONDS", 0.05)
    assert "longer than 0.05 s" in ask("SELECT count(*) FROM range(100000000000) AS t(a) WHERE a % 7 = 3")


def test_a_statement_is_cancelled_by_its_page(client, ask):
    stopped: list[bool] = []

    def stop():
        until = time.monotonic() + 60
        while not stopped and time.monotonic() < until:
            if client.post("/query/cancel", data={"id": "mine"}, headers=ORIGIN).json()["stopped"]:
                stopped.append(True)

    other = threading.Thread(target=stop)
    other.start()
    assert "stopped: it was cancelled" in ask(
        "SELECT count(*) FROM range(100000000000) t(a) WHERE a % 7 = 3", id="mine"
    )
    other.join()
    assert stopped == [True]
    assert client.post("/query/cancel", data={"id": "mine"}, headers=ORIGIN).json() == {"stopped": False}


def test_so_many_statements_at_once_leave_room_for_pages(ask, client, monkeypatch):
    monkeypatch.setattr(asking, "_TOGETHER", 1)
    endless = "SELECT count(*) FROM range(100000000000) AS t(a) WHERE a % 7 = 3"
    first = threading.Thread(target=ask, args=(endless,), kwargs={"id": "first"})
    first.start()
    while not asking.RUNNING._questions:
        time.sleep(0.01)
    assert "1 statements run already: cancel one, or wait for it" in shown(ask("SELECT 1", id="second"))
    form = {"sql": "SELECT 1", "form": "csv"}
    assert "run already" in shown(client.post("/query/export", data=form, headers=ORIGIN).text)
    assert client.post("/query/cancel", data={"id": "first"}, headers=ORIGIN).json() == {"stopped": True}
    first.join(60)
    assert '<td class="number">1</td>' in ask("SELECT 1")


def test_completion_knows_tables_columns_and_functions(client):
    known = client.get("/query/words").json()
    assert known["tables"]["orders"]["total_amount"] == "DECIMAL(18,2)"
    assert {"sum", "date_trunc", "read_csv"} <= set(known["functions"])
    assert "SELECT" in known["keywords"]


def test_no_page_has_a_script_or_a_style_in_it(ask):
    text = ask("SELECT order_date, sum(total_amount) AS total FROM orders GROUP BY 1")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)", text)


def test_a_form_that_is_none_is_refused(client):
    kind = {"content-type": "application/x-www-form-urlencoded", **ORIGIN}
    assert client.post("/query", content=b"\xff", headers=kind).status_code == 400
    assert client.post("/query", content=b"sql=%ff", headers=kind).status_code == 400
    assert client.post("/query", content=b"a&" * 300, headers=kind).status_code == 400
    assert client.post("/query", content=b"a" * (9 << 20), headers=kind).status_code == 413
