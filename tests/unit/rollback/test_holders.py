"""Which files a rollback reads again: those that may hold a version of what leaves, and as few others as can be."""

from orderlake.model.report import LoadReport
from orderlake.model.source import SourceObject
from orderlake.rollback.holders import holders, newest_versions
from orderlake.rollback.which import last_events
from orderlake.tables.batch import credit_of


def source(name):
    return SourceObject(f"raw/{name}.json", "", 10, 1_700_000_000_000_000_000 + ord(name))


def report(name, status="loaded", load_id="", **more):
    made = source(name)
    return LoadReport(
        source=made.uri,
        pipeline="p",
        status=status,
        identity=made.identity,
        load_id=load_id or f"load of {name} {more.get('nth', 0)}",
        version=made.version,
        at="",
        bytes=10,
        **{"read": 3, "loaded": 3, **more},
    )


def took(**counts):
    return {source(name).identity: count for name, count in counts.items()}


def read_again(loads, goes, credited="", *, in_order=True):
    going = {source(name).identity for name in goes}
    found = holders(loads, last_events(loads), going, {credit_of(source(name)) for name in credited}, in_order=in_order)
    return "".join(each.source.removeprefix("raw/").removesuffix(".json") for each in found)


def test_a_load_that_met_nothing_and_that_nothing_met_needs_no_file():
    loads = [report("a"), report("b"), report("c")]
    assert [read_again(loads, name, name) for name in "abc"] == ["", "", ""]


def test_whose_place_was_taken_is_read():
    loads = [report("a"), report("b"), report("c", replaced=took(a=1))]
    assert read_again(loads, "c", "c") == "a"


def test_whose_place_was_taken_by_what_was_rolled_back_before_is_read():
    loads = [report("a"), report("b", replaced=took(a=1)), report("c", replaced=took(b=1))]
    loads += [report("b", "rolled_back", nth=1)]
    assert read_again(loads, "c", "c") == "a"


def test_what_was_superseded_or_a_duplicate_may_stand_now():
    loads = [report("a"), report("b", superseded=1), report("c", duplicate=1), report("d")]
    assert read_again(loads, "a", "a") == "bc"


def test_what_was_loaded_before_is_left_closed_when_the_load_met_nothing():
    loads = [report("a"), report("b", duplicate=1), report("c"), report("d", duplicate=1)]
    assert read_again(loads, "c", "c") == "d"
    assert read_again(loads, "c", "c", in_order=False) == "bd"


def test_a_file_of_the_same_load_is_not_before_it():
    loads = [report("a", load_id="L", duplicate=1), report("b", load_id="L")]
    assert read_again(loads, "b", "b") == "a"


def test_a_file_loaded_again_is_not_before_what_came_between():
    loads = [report("a", duplicate=1), report("a", "rolled_back", nth=1), report("b"), report("a", duplicate=1, nth=2)]
    assert read_again(loads, "b", "b") == "a"


def test_an_earlier_load_of_a_file_counts_too():
    """It took a place at first, was undone, and met a newer one when it came again."""
    loads = [
        report("a"),
        report("b", replaced=took(a=1)),
        report("c", replaced=took(b=1)),
        report("b", "rolled_back", nth=1),
        report("b", superseded=1, nth=2),
        report("b", "rolled_back", nth=3),
    ]
    assert read_again(loads, "c", "c") == "a"


def test_who_stands_for_an_order_whose_newest_version_goes_is_read():
    loads = [report("a"), report("b", duplicate=1)]
    assert read_again(loads, "b", "a") == "a"


def test_what_is_rolled_back_rejected_or_set_aside_as_a_whole_is_not_read():
    loads = [
        report("a", duplicate=1),
        report("a", "rolled_back", nth=1),
        report("b", "rejected"),
        report("c", read=2, quarantined=2, superseded=1),
        report("d", duplicate=1),
    ]
    assert read_again(loads, "d", "d") == ""


def test_of_files_that_count_as_a_whole_the_newest_version_that_stays_is_read():
    one, other = report("a"), report("b")
    older = LoadReport(**{**one.as_dict(), "identity": "older", "version": one.version - 1})
    oldest = LoadReport(**{**one.as_dict(), "identity": "oldest", "version": one.version - 2})
    last = last_events([one, oldest, older, other])
    assert newest_versions(last, {one.identity}, {one.source}) == [older]
    assert newest_versions(last, {one.identity, "older"}, {one.source, other.source}) == [oldest, other]
