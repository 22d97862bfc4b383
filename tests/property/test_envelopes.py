"""Any batch, in any nesting, gives exactly the objects that it announces."""

import json
from urllib.parse import quote_plus

from hypothesis import given, settings
from hypothesis import strategies as st

from orderlake.events.announcement import ObjectRef, is_later
from orderlake.events.envelope import own_message, read
from orderlake.events.sqs import messages

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
versions = st.none() | st.text("abcdef0123456789", min_size=1, max_size=8)
objects = st.builds(ObjectRef, st.sampled_from(["shop-raw", "other"]), keys, versions)
UNHURRIED = settings(deadline=None)
sequencers = st.text("0123456789ABCDEF", min_size=1, max_size=20)


def s3_record(ref):
    found = {"key": quote_plus(ref.key)} | ({} if ref.version_id is None else {"versionId": ref.version_id})
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": ref.bucket}, "object": found},
    }


def bridge_event(ref):
    found = {"key": ref.key} | ({} if ref.version_id is None else {"version-id": ref.version_id})
    return {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": ref.bucket}, "object": found},
    }


@st.composite
def announcements(draw):
    """An event, and the objects that it announces."""
    refs = draw(st.lists(objects, min_size=1, max_size=4))
    event = draw(
        st.sampled_from(
            [
                {"Records": [s3_record(ref) for ref in refs]},
                [bridge_event(ref) for ref in refs],
                json.loads(own_message(refs)),
                [s3_record(ref) for ref in refs],
            ]
        )
    )
    return event, refs


def wrapped(event, how):
    """The event in one more envelope."""
    body = json.dumps(event)
    if how == "sns":
        return {"Type": "Notification", "Message": body}
    if how == "sns to lambda":
        return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": body}}]}
    return {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": body}]}


@st.composite
def nested(draw):
    """Events in envelopes in envelopes, a few of them side by side."""
    event, refs = draw(announcements())
    for how in draw(st.lists(st.sampled_from(["sns", "sns to lambda", "sqs"]), max_size=3)):
        event = wrapped(event, how)
    return event, refs


@UNHURRIED
@given(st.lists(nested(), min_size=1, max_size=6))
def test_a_batch_announces_the_union_of_what_its_messages_announce(found):
    batch = {
        "Records": [
            {"messageId": f"m{number}", "eventSource": "aws:sqs", "body": json.dumps(event)}
            for number, (event, _) in enumerate(found)
        ]
    }
    understood = messages(batch)
    assert [[ref.version for ref in each.said.objects] for each in understood] == [
        [ref.version for ref in refs] for _, refs in found
    ]
    assert [each.id for each in understood] == [f"m{number}" for number in range(len(found))]
    assert all(each.said.faults == () for each in understood)


@UNHURRIED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["Records", "body", "Message", "Sns", "s3", "eventName", "orderlake", "objects", "detail"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_arrives_is_either_understood_or_named_never_an_error(event):
    said = read(event)
    assert said.objects or said.ignored or said.faults


@UNHURRIED
@given(sequencers, sequencers)
def test_sequencers_compare_as_the_fractions_they_are(one, other):
    a, b = ObjectRef("shop", "k", sequencer=one), ObjectRef("shop", "k", sequencer=other)
    width = max(len(one), len(other))
    assert is_later(a, b) == (int(one, 16) * 16 ** (width - len(one)) > int(other, 16) * 16 ** (width - len(other)))


@UNHURRIED
@given(sequencers, sequencers, sequencers)
def test_later_is_an_order(one, two, three):
    a, b, c = (ObjectRef("shop", "k", sequencer=each) for each in (one, two, three))
    assert not (is_later(a, b) and is_later(b, a))
    assert not (is_later(a, b) and is_later(b, c)) or is_later(a, c)


@UNHURRIED
@given(sequencers, st.integers(0, 5))
def test_zeros_at_the_right_of_a_sequencer_change_nothing(one, zeros):
    a, b = ObjectRef("shop", "k", sequencer=one), ObjectRef("shop", "k", sequencer=one + "0" * zeros)
    assert is_later(a, b) is False
    assert is_later(b, a) is False
