"""`orderlake query --saved`: questions by name, with parameters, those of the project among them."""

from itertools import groupby

import pytest

from orderlake.lake import Lake

OWN = """\
-- title: Orders of a customer
-- question: What did this customer order?
-- grain: one row per order
-- parameter: who string = ''  Part of the name
SELECT order_id, total_amount FROM orders WHERE customer_name LIKE '%' || $who || '%' ORDER BY order_id
"""


@pytest.fixture
def own(loaded):
    (loaded / "queries").mkdir()
    (loaded / "queries" / "by_name.sql").write_text(OWN, "utf-8")
    return loaded


def test_a_saved_query_is_answered(cli, loaded):
    assert cli("query", "--saved", "daily_orders").lines == [
        "order_date  order_count  daily_revenue",
        "----------  -----------  -------------",
        "2024-01-05            1         200.50",
        "2024-02-06            1           0.00",
        "(2 rows)",
    ]


def test_parameters_are_given_by_name(cli, loaded):
    answer = cli("query", "--saved", "daily_orders", "--param", "start=2024-02-01", "--param", "until=today", "--json")
    assert answer.json == [{"order_date": "2024-02-06", "order_count": 1, "daily_revenue": 0.00}]


def test_the_sql_can_be_shown_instead(cli, loaded):
    shown = cli("query", "--saved", "daily_orders", "--param", "start=2024-02-01", "--show")
    assert "BETWEEN DATE '2024-02-01' AND DATE '2100-01-01'" in shown.out
    assert cli("query", shown.out, "--json").json[0]["order_date"] == "2024-02-06"
    as_json = cli("query", "--saved", "daily_orders", "--param", "start=2024-02-01", "--show", "--json").json
    assert as_json == {"name": "daily_orders", "sql": shown.out.rstrip("\n")}


def test_the_project_has_queries_of_its_own(cli, own):
    answer = cli("query", "--saved", "by_name", "--param", "who=n, W", "--json")
    assert answer.json == [{"order_id": 1, "total_amount": 200.50}]
    assert cli("query", "--saved", "by_name", "--param", "who=' OR 1=1 --", "--json").json == []


def test_a_query_of_the_project_wins_over_one_that_ships(cli, own):
    (own / "queries" / "daily_orders.sql").write_text(OWN, "utf-8")
    assert cli("query", "--saved", "daily_orders").lines[0].split() == ["order_id", "total_amount"]
    found = {each["name"]: each["group"] for each in cli("query", "--list", "--json").json}
    assert found["daily_orders"] == "project"
    assert [group for group, _ in groupby(found.values())] == ["orders", "lake", "project"]


def test_the_list_has_what_can_be_asked_here(cli, own):
    listed = cli("query", "--list")
    assert listed.code == 0
    assert "  top_customers: Top customers" in listed.lines
    assert "      Who spent the most, and over how many orders? (one row per customer)" in listed.lines
    assert "      --param limit=20  (int) How many customers" in listed.lines
    assert listed.lines.index("orders") < listed.lines.index("lake") < listed.lines.index("project")
    assert "      --param who=''  (string) Part of the name" in listed.lines
    assert "olist" not in listed.out


def test_the_list_as_json(cli, own):
    (mine,) = [each for each in cli("query", "--list", "--json").json if each["group"] == "project"]
    assert mine["tables"] == ["orders"]
    assert mine["parameters"] == [{"name": "who", "type": "string", "default": "", "about": "Part of the name"}]


def test_an_unknown_name_comes_with_close_ones(cli, loaded):
    answer = cli("query", "--saved", "daily_order")
    assert answer.code == 66
    assert "do you mean daily_orders" in answer.err


def test_a_query_of_another_pipeline_says_how_to_get_it(cli, loaded):
    answer = cli("query", "--saved", "payment_mix")
    assert answer.code == 66
    assert "payment_mix asks olist_order_payments_dataset, olist_orders_dataset, which this project does" in answer.err
    assert "`orderlake init . --pipeline olist`" in answer.err
    assert "init" not in cli("query", "--saved", "olist_freshness").err


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("first=2024-01-01", "no parameter first: the parameters are start (date, default 2000-01-01), until (date"),
        ("start=soon", "the parameter start is a date (2024-01-31, today, today-30), not 'soon'"),
        ("start", "--param start: write --param name=value"),
    ],
)
def test_a_wrong_parameter_says_which_there_are(cli, loaded, param, said):
    answer = cli("query", "--saved", "daily_orders", "--param", param)
    assert answer.code == 78
    assert said in answer.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("SELECT 1", "--saved", "daily_orders"),
        ("--saved", "daily_orders", "--file", "x.sql"),
        ("SELECT 1", "--param", "a=b"),
        ("SELECT 1", "--show"),
        ("--list", "--saved", "daily_orders"),
        ("--list", "--show"),
    ],
)
def test_words_that_do_not_go_together_are_refused(cli, loaded, words):
    assert cli("query", *words).code == 78


def test_a_faulty_file_of_the_project_is_named_when_it_is_used(cli, own):
    (own / "queries" / "bad.sql").write_text("-- title: only\nSELECT 1", "utf-8")
    assert cli("query", "--saved", "by_name").code == 0
    for words in (("--saved", "bad"), ("--list",)):
        answer = cli("query", *words)
        assert answer.code == 78
        assert "bad.sql, line 1: the header lacks question, grain" in answer.err


def test_in_python_with_the_same_words(own):
    with Lake(own) as lake:
        assert (
            lake.saved("by_name", {"who": "Wei"}).rows
            == lake.query("SELECT order_id, total_amount FROM orders LIMIT 1").rows
        )
        assert lake.saved("daily_orders").columns == ("order_date", "order_count", "daily_revenue")
        assert [each.group for each in lake.saved_queries()][-1] == "project"
