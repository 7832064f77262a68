from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.mock.journal.entry_json import FIELDS, Origin, record, redactor
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, COMPLETE, SERVER_STOPPED, Journal
from mixtral_contract.mock.journal.journal_file import JournalFile
from mixtral_contract.mock.timing.token_times import Steps
from tests.support.journal_entries import at, completed, entry, generation, write
from tests.support.mock_requests import SECOND_NS

ORIGIN = Origin(1000, str, 1)
STEPS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2**62)), max_size=20).map(
    lambda steps: [(sum(count for count, _ in steps[: index + 1]), ns) for index, (_, ns) in enumerate(steps)]
)


def test_entries__are_numbered_in_the_order_in_which_they_ended() -> None:
    """Who has read up to an id misses nothing, however long a request took."""
    kept = Journal()
    slow, quick = kept.begin(entry(0)), kept.begin(entry(1))
    kept.end(quick, COMPLETE, at(2))
    assert [each.id for each in kept.entries()] == [1]
    kept.end(slow, COMPLETE, at(3))
    assert kept.entries(since=1) == [slow]
    assert (slow.id, kept.last_id, kept.running) == (2, 2, {})


@given(count=st.integers(0, 30), most=st.integers(1, 10), since=st.integers(0, 40))
def test_journal__keeps_the_last_requests(count: int, most: int, since: int) -> None:
    """As many as it may; `since` and `dropped` know what is gone."""
    kept = Journal(most_requests=most)
    for number in range(count):
        write(kept, entry(number))
    ids = list(range(1, count + 1))[-most:]
    assert [each.id for each in kept.entries(since)] == [number for number in ids if number > since]
    assert (len(kept), kept.dropped) == (len(ids), count - len(ids))


def test_journal__keeps_within_its_bytes() -> None:
    """Long streams push out more than short ones, and what is counted is what is there."""
    kept = Journal(most_bytes=50_000)
    for number in range(100):
        steps = [(token, at(token)) for token in range(1, 1 + number)]
        write(kept, entry(number, generation=generation(steps, steps)))
        assert kept.bytes <= 50_000
    assert kept.bytes == sum(each.size for each in kept.entries())
    assert 0 < len(kept) < 100


@pytest.mark.parametrize("tokens", [0, 1, 200])
def test_size__is_not_less_than_what_an_entry_occupies(tokens: int) -> None:
    """Measured on what a server writes, so that the bound in bytes is one."""
    kept = Journal()
    path, refusal = "/v1/" + "x" * 100, None

    def fill() -> None:
        for number in range(500):
            steps = [(token, 10**18 + number * 1000 + token) for token in range(1, tokens + 1)]
            made = entry(number, b"{}", request_id="r" * 40, account="valid", model="m", stream=True, status=200)
            made.path, made.refusal, made.step = path, refusal, "completion"
            made.prompt_tokens, made.completion_tokens, made.completion_id = (
                300 + number,
                400 + number,
                f"c-{number}-id",
            )
            made.decided_ns = made.head_ns = at(number) + 1
            made.wrote(1000 + number, at(number) + 1)
            made.generation = generation(steps, list(steps))
            write(kept, made)

    gc.collect()
    tracemalloc.start()
    try:
        fill()
        gc.collect()
        occupied, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert occupied <= kept.bytes


def test_first_end__counts() -> None:
    """A connection that is lost after its answer was out takes nothing back."""
    kept = Journal()
    made = write(kept, entry(), took_s=1)
    kept.end(made, CLIENT_LEFT, at(9))
    assert (made.end, made.ended_ns, len(kept)) == (COMPLETE, at(1), 1)


def test_clear__forgets_and_counts_on() -> None:
    """What is under way stays, and no id comes twice."""
    kept = Journal()
    under_way = kept.begin(entry())
    write(kept, entry())
    kept.clear()
    assert (kept.entries(), kept.bytes, list(kept.running)) == ([], 0, [under_way])
    assert write(kept, entry()).id == 2
    assert [each.id for each in kept.entries()] == [2]


def test_stop__ends_what_is_under_way() -> None:
    """With the server."""
    kept = Journal()
    under_way = kept.begin(entry())
    kept.stop(at(5))
    assert (under_way.end, under_way.ended_ns) == (SERVER_STOPPED, at(5))
    assert not kept.running


@given(dues=STEPS, sent=STEPS)
def test_times__are_kept_as_they_were(dues: Steps, sent: Steps) -> None:
    """In less room, and without the generation, which holds the connection."""
    made = write(Journal(), entry(generation=generation(list(dues), list(sent))))
    assert (list(made.dues), list(made.sent)) == (list(dues), list(sent))
    assert made.generation is None


@given(one=st.binary(), other=st.binary())
def test_fingerprint__tells_bodies_apart(one: bytes, other: bytes) -> None:
    """The same body has the same one; long bodies are told apart by their ends and their length."""
    assert (entry(body=one).fingerprint == entry(body=other).fingerprint) == (one == other)
    long = b"x" * 100_000
    bodies = (long, long + b"y", b"y" + long, long + b"x")
    assert len({entry(body=body).fingerprint for body in bodies}) == len(bodies)


def test_record__has_the_documented_fields() -> None:
    """Each and no other, in their order."""
    fields = record(entry(), ORIGIN, bodies=True)
    assert list(fields) == list(FIELDS)
    assert list(FIELDS)[-4:] == ["due_after_ns", "sent_after_ns", "request_body", "answer"]
    assert list(record(entry(), ORIGIN)) == list(FIELDS)[:-2]
    assert list(record(entry(), ORIGIN, tokens=False)) == list(FIELDS)[:-4]


def test_record__counts_from_the_request() -> None:
    """Times of tokens after it was received, the receipt on two clocks, the latest token by how much."""
    made, *_ = completed(0)
    made.generation = generation([(1, at(1)), (3, at(2))], [(2, at(2.25))])
    made.head_ns = made.decided_ns = at(0.5)
    fields = record(made, ORIGIN)
    assert fields["received_monotonic_ns"] == fields["received_ns"] - 1000 == at(0) - 1000
    assert fields["due_after_ns"] == [SECOND_NS, 2 * SECOND_NS, 2 * SECOND_NS]
    assert fields["sent_after_ns"] == [2_250_000_000, 2_250_000_000]
    assert (fields["latest_ns"], fields["head_after_ns"]) == (1_250_000_000, 500_000_000)


def test_redactor__takes_keys_out() -> None:
    """The known ones, the longest first, and what looks like a vendor's."""
    redact = redactor(["abc", "abcdef", ""])
    assert redact("/v1/abcdef/abc") == "/v1/[key]/[key]"
    assert redact("nvapi-Zm9v_x SG_0123456789abcdef sk-abcdefgh.") == "[key] [key] [key]."
    assert redact("plain") == "plain"


def test_file__is_given_up_when_it_cannot_be_written() -> None:
    """Once said, and the server goes on."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full: Linux")
    told: list[str] = []
    file = JournalFile(Path("/dev/full"), lambda _: b"line\n", told.append)
    file.add(entry())
    file.add(entry())
    assert len(told) == 1
    assert "no more is written" in told[0]
