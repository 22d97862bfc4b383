"""The page Loads: every file, what became of its records, what it changed and costs, and what waits."""

import html
import os
import re
import shlex

import pytest

from orderlake import Lake


def text_of(answer):
    """What a page says, without its markup."""
    return words(answer.text)


def words(markup):
    """The words of some markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup)))


def rows_of(answer):
    """The words of each load in the list."""
    body = answer.text.partition('aria-label="Loads, newest first"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [words(row) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]


def order(number, **more):
    return {"order_id": number, "order_date": "2024-01-05", "total_amount": 5} | more


def load(root):
    with Lake(root) as lake:
        return lake.run()


def test_loads_are_listed_newest_first_with_what_became_of_each_record(shop, put, opened):
    put("orders_x.json", [order(1), order(1), order(2), {"order_id": "x"}])
    load(shop)
    rows = rows_of(opened(shop).get("/loads"))
    assert len(rows) == 3
    assert "raw/orders_x.json" in rows[0]
    assert "4 read = 2 loaded + 1 duplicate + 1 quarantined" in rows[0]
    assert "orders +2" in rows[0]


def test_the_bar_says_the_same_as_the_words(shop, put, opened):
    put("orders_x.json", [order(1), order(2), order(3), {"order_id": "x"}])
    load(shop)
    bar = re.search(r'<svg class="bar".*?</svg>', opened(shop).get("/loads").text, re.DOTALL)
    assert bar
    assert re.findall(r'class="fill-(\w+)" x="([\d.]+)" width="([\d.]+)"', bar[0]) == [
        ("good", "0.00", "75.00"),
        ("bad", "75.00", "25.00"),
    ]
    assert 'aria-hidden="true"' in bar[0]


def test_a_load_that_took_over_records_names_the_one_it_took_them_from(shop, put, opened):
    put("orders_x.json", [order(1001), order(1002)])
    load(shop)
    client = opened(shop)
    row = rows_of(client.get("/loads"))[0]
    assert "took over" in row
    assert "raw/orders_" in row.partition("took over")[2]


def test_a_rejected_file_shows_its_reason(shop, put, opened):
    put("orders_x.json", "no json")
    load(shop)
    client = opened(shop)
    row = rows_of(client.get("/loads"))[0]
    assert "rejected" in row
    assert "JSON" in row
    assert "Rejected 1" in text_of(client.get("/loads"))


def test_cards_add_up_the_whole_history_not_the_page(empty, put, opened):
    for number in range(60):
        put(f"orders_{number:02}.json", [order(number)])
    load(empty)
    answer = opened(empty).get("/loads")
    assert len(rows_of(answer)) == 50
    assert "Files loaded 60" in text_of(answer)
    assert "Records 60" in text_of(answer)


def test_pages_go_back_to_the_oldest_load_and_none_is_told_twice(empty, put, opened):
    for number in range(120):
        put(f"orders_{number:03}.json", [order(number)])
    load(empty)
    client, seen = opened(empty), []
    answer = client.get("/loads")
    while True:
        seen += re.findall(r"raw/orders_\d+\.json", " ".join(rows_of(answer)))
        links = re.findall(r'href="([^"]+)" rel="next"', answer.text)
        if not links:
            break
        answer = client.get(html.unescape(links[0]))
    assert len(seen) == 120
    assert len(set(seen)) == 120
    assert ">Newest<" in answer.text


@pytest.mark.parametrize(
    ("asked", "found"),
    [("status=rejected", ["b"]), ("source=ers_a", ["a"]), ("status=loaded", ["a"]), ("status=x", ["b", "a"])],
)
def test_loads_of_a_status_or_a_source_are_asked_for(empty, put, opened, asked, found):
    os.utime(put("orders_a.json", [order(1)]), (1, 1))
    load(empty)
    put("orders_b.json", "no json")
    load(empty)
    rows = rows_of(opened(empty).get(f"/loads?{asked}"))
    assert [re.findall(r"orders_(\w)", row)[0] for row in rows] == found


def test_when_no_load_is_like_that_the_page_says_so(shop, opened):
    answer = opened(shop).get("/loads?source=nowhere")
    assert "No load is like that" in text_of(answer)
    assert 'value="nowhere"' in answer.text


def test_the_next_page_asks_for_the_same_loads(empty, put, opened):
    for number in range(60):
        put(f"orders_{number:02}.json", [order(number)])
    load(empty)
    answer = opened(empty).get("/loads?status=loaded&source=orders_")
    link = html.unescape(re.findall(r'href="([^"]+)" rel="next"', answer.text)[0])
    assert "status=loaded" in link
    assert "source=orders_" in link


def test_a_place_in_the_history_that_is_none_is_a_friendly_page(shop, opened):
    answer = opened(shop).get("/loads?before=0x1")
    assert answer.status_code == 400
    assert "begin with the newest loads" in text_of(answer)


def test_here_loading_costs_nothing_and_what_it_would_on_aws_is_called_an_estimate(shop, opened):
    said = text_of(opened(shop).get("/loads"))
    assert "Loading here costs $0" in said
    assert "Cost on AWS is an estimate" in said
    assert re.search(r"\$0\.0\d+", rows_of(opened(shop).get("/loads"))[1])


def test_files_loaded_together_share_one_cost_wherever_the_page_ends(empty, put, opened):
    """Sixty files of one load: each of the fifty shown bears a sixtieth."""
    for number in range(60):
        put(f"orders_{number:02}.json", [order(number)])
    load(empty)
    client = opened(empty)
    first = rows_of(client.get("/loads"))[0]
    put("orders_alone.json", [order(1000)])
    load(empty)
    alone = rows_of(client.get("/loads"))[0]

    def dollars(row):
        return float(re.findall(r"\$(0\.\d+)", row)[0])

    assert dollars(first) < dollars(alone) / 10


def test_files_that_wait_are_shown_with_the_command_that_loads_them(shop, put, opened):
    put("orders_new.json", [order(1)])
    answer = opened(shop).get("/loads")
    assert "1 file waits" in text_of(answer)
    assert "raw/orders_new.json" in text_of(answer)
    command = f"orderlake --project {shlex.quote(str(shop))} run"
    assert f'data-copy="{html.escape(command)}"' in answer.text
    load(shop)
    assert "file waits" not in text_of(opened(shop).get("/loads"))


def test_a_console_that_loads_by_itself_asks_for_no_command(shop, put, opened, monkeypatch):
    monkeypatch.setattr("orderlake.console.intake.Intake.start", lambda _: None)
    put("orders_new.json", [order(1)])
    said = text_of(opened(shop, writable=True).get("/loads"))
    assert "loaded as soon as they no longer change" in said
    assert "orderlake --project" not in said


def test_an_empty_history_says_how_to_begin(empty, opened):
    said = text_of(opened(empty).get("/loads"))
    assert "Nothing loaded yet" in said
    assert "orderlake generate orders" in said


def test_a_file_has_a_page_with_all_that_is_known_of_it(shop, put, opened):
    put("orders_x.json", [order(1001), order(5001), {"order_id": "x"}])
    (report,) = [each for each in load(shop) if each.status == "loaded"]
    answer = opened(shop).get(f"/loads/{report.identity}")
    said = text_of(answer)
    for known in (report.source, report.load_id, report.identity, report.definition, "3 read", "(estimate)"):
        assert known in said
    assert 'href="/quality?source=raw%2Forders_x.json"' in answer.text
    assert 'href="/data/orders"' in answer.text


def test_the_page_of_a_file_counts_what_of_it_still_stands(shop, put, opened):
    os.utime(put("orders_x.json", [order(5001), order(5002)]), (1_800_000_000, 1_800_000_000))
    (first,) = [each for each in load(shop) if each.status == "loaded"]
    os.utime(put("orders_y.json", [order(5002, total_amount=6)]), (1_900_000_000, 1_900_000_000))
    load(shop)
    answer = opened(shop).get(f"/loads/{first.identity}")
    orders = re.search(r'<th scope="row"><a href="/data/orders">.*?</tr>', answer.text, re.DOTALL)
    assert orders
    assert re.findall(r'class="number">(\d+)', orders[0]) == ["2", "1"]


def test_a_rejected_file_has_a_page_too(shop, put, opened):
    put("orders_x.json", "no json")
    (report,) = [each for each in load(shop) if each.status == "rejected"]
    answer = opened(shop).get(f"/loads/{report.identity}")
    assert answer.status_code == 200
    assert html.escape(report.reason) in answer.text or report.reason in html.unescape(answer.text)


def test_a_load_that_does_not_exist_is_a_friendly_page(shop, opened):
    answer = opened(shop).get("/loads/nothing")
    assert answer.status_code == 404
    assert "there is no load nothing" in text_of(answer)


def test_nothing_can_be_sent_to_the_page(shop, opened):
    answer = opened(shop).post("/loads", headers={"origin": "http://127.0.0.1:7373"})
    assert answer.status_code == 405
    assert "nothing can be sent to it" in text_of(answer)
