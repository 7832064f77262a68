from __future__ import annotations

import dataclasses
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixtral_contract.mock.timing.batching import BatchingScheduler, Profile
from mixtral_contract.mock.timing.engine import Generation, Load, Overload
from tests.support.virtual_time import SECOND_NS, Lengths, Run

MS = 1_000_000
HOUR_NS = 3600 * SECOND_NS
SMALL = Profile(
    name="small",
    basis="modelled",
    slots=3,
    step_tokens=10,
    overhead_ns=2 * MS,
    weights_ns=((1, 1 * MS), (3, 5 * MS)),
    token_ns=1 * MS,
    kv_tokens=60,
    kv_token_ns=1000,
    queue_length=4,
    queue_wait_ns=200 * MS,
    full_status=429,
    late_status=504,
)
"""A step of two tokens and more is bound by reading weights up to 5 tokens, by computing from 6 on."""

_PROFILES = st.builds(
    dataclasses.replace,
    st.just(SMALL),
    slots=st.integers(1, 4),
    step_tokens=st.integers(5, 12),
    kv_tokens=st.integers(20, 80),
    kv_token_ns=st.sampled_from([0, 1500.5]),
    queue_length=st.integers(0, 5),
    queue_wait_ns=st.integers(1, 300) | st.integers(1 * MS, 300 * MS),
)


class _Event(NamedTuple):
    """What happens so long after what happened before: a request, or that a request made earlier is given up."""

    after_ns: int
    lengths: Lengths | None
    together: bool
    cancels: int


_EVENTS = st.lists(
    st.builds(
        _Event,
        after_ns=st.just(0) | st.integers(0, 60 * MS),
        lengths=st.none() | st.builds(Lengths, st.integers(0, 30), st.integers(1, 20)),
        together=st.booleans(),
        cancels=st.integers(0, 30),
    ),
    max_size=30,
)


def _node(run: Run) -> BatchingScheduler:
    (node,) = run.engine._models
    assert isinstance(node, BatchingScheduler)
    return node


def _holds(run: Run, profile: Profile) -> None:
    """What is true of a node at any time."""
    node = _node(run)
    sequences = [*node._reading.values(), *node._decoding.values()]
    assert len(sequences) <= profile.slots
    assert node.kv_used == sum(sequence.kv for sequence in sequences) <= profile.kv_tokens
    assert len(node._waiting) <= profile.queue_length
    assert bool(sequences) <= (node.next_ns is not None), "a node that has work never stands still"
    if node._waiting:
        first = next(iter(node._waiting))
        need = first.prompt_tokens + first.tokens
        no_room = node.kv_used + need > profile.kv_tokens
        assert len(sequences) == profile.slots or no_room, "a slot is empty while somebody waits who fits"


def _played(profile: Profile, events: list[_Event], passes: list[int] | None = None) -> Run:
    """A run of the events to the end, with passes on time, or at other times only."""
    run, at_ns = Run(profile), 0
    for event in events:
        at_ns += event.after_ns
        if passes is None:
            run.until(at_ns)
        for pass_ns in sorted(passes or ()):
            if run.now_ns < pass_ns < at_ns:
                run.now_ns = pass_ns
                run.engine.release(pass_ns)
        if event.lengths is not None:
            run.ask(event.lengths, at_ns, together=event.together)
        elif event.cancels < len(run.generations):
            run.now_ns = at_ns
            run.engine.cancel(run.generations[event.cancels], at_ns)
        _holds(run, profile)
    if passes is None:
        run.until(HOUR_NS)
    else:
        run.engine.release(HOUR_NS)
    return run


@settings(deadline=None)
@given(profile=_PROFILES, events=_EVENTS)
def test_node__serves_everybody_once_and_in_order(profile: Profile, events: list[_Event]) -> None:
    """Turns in the order of arrival; every token due exactly once; nobody is forgotten; nothing stays behind."""
    run = _played(profile, events)
    order = {generation: number for number, generation in enumerate(run.generations)}
    assert run.begun == sorted(run.begun, key=order.__getitem__)
    assert len(set(run.begun)) == len(run.begun)
    for generation in run.generations:
        counts, times = [due for due, _ in generation.dues], [at_ns for _, at_ns in generation.dues]
        every = [generation.tokens] if generation.together else list(range(1, generation.tokens + 1))
        assert counts == every[: len(counts)]
        assert times == sorted(set(times))
        assert (generation in run.begun) + (generation in run.refused) + generation.cancelled >= 1
        assert not (generation in run.begun and generation in run.refused)
        if generation in run.begun and not generation.cancelled:
            assert counts == every
    node = _node(run)
    assert node.load == Load(0, 0, 0.0)
    assert node.next_ns is None
    assert (node._context, node._waiting_prompt, node._waiting_tokens) == (0, 0, 0)


@settings(deadline=None)
@given(profile=_PROFILES, events=_EVENTS, passes=st.lists(st.integers(0, 1000 * MS), max_size=20))
def test_late_passes__change_no_deadline(profile: Profile, events: list[_Event], passes: list[int]) -> None:
    """Steps are a matter of model time: whoever looks late finds what would have been."""
    on_time, late = _played(profile, events), _played(profile, events, passes)
    for one, other in zip(on_time.generations, late.generations, strict=True):
        assert one.dues == other.dues
    assert [on_time.generations.index(one) for one in on_time.refused] == [
        late.generations.index(one) for one in late.refused
    ]
    assert [overload for _, overload in on_time.refused.values()] == [overload for _, overload in late.refused.values()]


@settings(deadline=None)
@example(
    profile=dataclasses.replace(SMALL, slots=1, queue_length=0),
    events=[_Event(0, Lengths(1, 20), together=False, cancels=0)],
    lengths=Lengths(1, 1),
)
@given(profile=_PROFILES, events=_EVENTS, lengths=st.builds(Lengths, st.integers(0, 10), st.integers(1, 10)))
def test_refused__finds_a_place_after_the_wait_that_it_was_told(
    profile: Profile, events: list[_Event], lengths: Lengths
) -> None:
    """If nobody else comes; every step is a thousand times as long, since a wait counts in whole seconds."""
    slow = dataclasses.replace(
        profile,
        overhead_ns=1000 * profile.overhead_ns,
        weights_ns=tuple((tokens, 1000 * time_ns) for tokens, time_ns in profile.weights_ns),
        token_ns=1000 * profile.token_ns,
        queue_wait_ns=HOUR_NS,
    )
    run, at_ns = Run(slow), 0
    for event in events:
        at_ns += 1000 * event.after_ns
        run.until(at_ns)
        if event.lengths is not None:
            run.ask(event.lengths, at_ns)
    run.until(at_ns)
    generation = run.ask(lengths, at_ns)
    if generation in run.refused:
        overload = run.refused[generation][1]
        assert overload.status == 429
        assert overload.wait_s is not None
        again_ns = at_ns + overload.wait_s * SECOND_NS
        run.until(again_ns)
        again = run.ask(lengths, again_ns)
        assert again not in run.refused


def test_wait__counts_steps_without_prompts_for_what_they_cost() -> None:
    """Hand-computed: 1000 steps of 12 ms for the one slot, and a few that read its prompt, which may cost 102 ms."""
    steep = ((1, 10 * MS), (10, 100 * MS))
    profile = dataclasses.replace(SMALL, slots=1, queue_length=0, weights_ns=steep, kv_tokens=5000, kv_token_ns=0)
    run = Run(profile)
    run.ask(Lengths(1, 1000), 0)
    refused = run.ask(Lengths(1, 1), 0)
    assert run.refused[refused][1].wait_s == 13


def test_alone__takes_the_steps_that_the_profile_costs() -> None:
    """Hand-computed: two chunks of a prompt, then one step per token, each with one more token behind it."""
    run = Run(SMALL)
    generation = run.ask(Lengths(14, 3), 7 * MS)
    run.until(HOUR_NS)
    first = 7 * MS + (2 + 10) * MS + (2 + 5) * MS  # 10 tokens by computing, 4 by reading the weights
    second = first + (2 + 1) * MS + 15 * 1000
    assert generation.dues == [(1, first), (2, second), (3, second + (2 + 1) * MS + 16 * 1000)]


def test_newcomer__joins_the_next_step_and_lengthens_it() -> None:
    """Hand-computed: a prompt of 6 is read beside one that decodes, in a step of 7 tokens."""
    run = Run(SMALL)
    one = run.ask(Lengths(1, 4), 0)
    other = run.ask(Lengths(6, 1), 4 * MS)
    run.until(HOUR_NS)
    assert [at_ns for _, at_ns in one.dues][:2] == [3 * MS, 3 * MS + 3 * MS + 2000]
    joined = 6 * MS + 2000
    assert other.dues == [(1, joined + (2 + 7) * MS + 3000)]
    assert one.dues[2] == (3, other.dues[0][1])


def test_tokens_of_one_step__are_delivered_in_one_pass() -> None:
    """All that decode have one beat."""
    run = Run(SMALL)
    together = [run.ask(Lengths(1, 6), 0) for _ in range(3)]
    run.until(HOUR_NS)
    one, other, third = ({at_ns for _, at_ns in generation.dues} for generation in together)
    assert other == third
    assert len(one & other) == 5, "all but the first token of the first, whose step they just missed"


def test_queue_full__is_refused_at_once_with_a_wait() -> None:
    """Three run and four wait: the eighth has no place, and frees none."""
    run = Run(SMALL)
    for _ in range(7):
        run.ask(Lengths(1, 5), 0)
    eighth = run.ask(Lengths(1, 5), 0)
    assert run.refused[eighth][1] == Overload(
        429, "expected a free slot or place in the queue, got 3 running and 4 waiting", 1
    )
    assert run.engine.load == Load(3, 4, 18 / 60)


def test_queue_wait__ends_with_a_refusal_at_its_time() -> None:
    """Not at the end of a step, and not for those behind whose time has not come."""
    run = Run(dataclasses.replace(SMALL, slots=1, kv_tokens=1000, late_status=503))
    run.ask(Lengths(1, 900), 0)
    first, second = run.ask(Lengths(1, 1), 5 * MS), run.ask(Lengths(1, 1), 10 * MS)
    run.until(206 * MS)
    at_ns, overload = run.refused[first]
    assert (at_ns, overload.status) == (205 * MS, 503)
    assert overload.message == "expected a turn within 0.2 s, got none"
    assert overload.wait_s is not None
    assert second not in run.refused


def test_longer_than_the_room__is_refused_for_good() -> None:
    """No wait would help: it is the request that is wrong."""
    run = Run(SMALL)
    generation = run.ask(Lengths(50, 11), 0)
    overload = Overload(400, "expected at most 60 tokens of prompt and completion, got 61", None, "invalid-request")
    assert run.refused == {generation: (0, overload)}


@pytest.mark.parametrize("decoding", [True, False])
def test_cancelled__frees_its_slot_at_once(*, decoding: bool) -> None:
    """The one who waits longest gets its turn in the same call."""
    run = Run(SMALL)
    running = [run.ask(Lengths(4, 5), 0) for _ in range(3)]
    waiting = run.ask(Lengths(1, 1), 0)
    run.until(30 * MS if decoding else 0)
    assert waiting not in run.begun
    run.engine.cancel(running[1], run.now_ns)
    assert waiting in run.begun
    run.until(HOUR_NS)
    assert waiting.finished
    assert not running[1].finished


def test_cancelled_while_waiting__frees_its_place_at_once() -> None:
    """The next to come finds it."""
    run = Run(SMALL)
    asked = [run.ask(Lengths(1, 5), 0) for _ in range(7)]
    run.engine.cancel(asked[-1], 0)
    assert run.ask(Lengths(1, 5), 0) not in run.refused


def test_turn_that_is_declined__goes_to_the_next() -> None:
    """Credits spent while waiting: `begin` cancels."""
    run = Run(dataclasses.replace(SMALL, slots=1))
    run.ask(Lengths(1, 2), 0)
    declined, other = run.ask(Lengths(1, 9), 0), run.ask(Lengths(1, 1), 0)
    declined.begin = lambda: run.engine.cancel(declined, run.now_ns)
    run.until(HOUR_NS)
    assert not declined.dues
    assert other.finished
    assert _node(run).load == Load(0, 0, 0.0)


def test_request_made_by_a_callback__is_taken_in() -> None:
    """A pipelined request starts inside the turn, or the refusal, of the one before."""
    run = Run(SMALL)
    asked: list[Generation] = []
    generation = run.ask(Lengths(1, 1), 0)
    waiting = [run.ask(Lengths(1, 1), 0) for _ in range(3)]
    waiting[-1].begin = lambda: asked.append(run.ask(Lengths(1, 2), run.now_ns))
    generation.deliver = lambda: asked.append(run.ask(Lengths(1, 1), run.now_ns)) if generation.finished else None
    run.until(HOUR_NS)
    assert len(asked) == 2
    assert all(one.finished for one in asked)


def test_failing_callback__holds_up_nobody() -> None:
    """Whoever is due in the same pass is delivered in the next, with the same deadlines."""
    run, plain = Run(SMALL), Run(SMALL)
    asked, expected = ([one.ask(Lengths(1, 3), 0) for _ in range(3)] for one in (run, plain))
    told: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError

    asked[1].deliver = fail
    asked[2].deliver = lambda: told.append(asked[2].due)
    failures = 0
    while run.engine.next_ns is not None:
        run.now_ns = max(run.now_ns, run.engine.next_ns)
        try:
            run.engine.release(run.now_ns)
        except ZeroDivisionError:
            failures += 1
    plain.until(HOUR_NS)
    assert failures == 3
    assert [one.dues for one in asked] == [one.dues for one in expected]
    assert told == [1, 2, 3]
