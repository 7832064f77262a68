"""A node that decodes in batches: who has a slot, what a step holds and costs, and who waits.

The scheduler is that of vLLM, to first order. A step takes one token of every completion that decodes, then as much of
the prompts that are not read yet as its token budget leaves (chunked prefill), first come, first served; the last
piece of a prompt yields the first token. A step's batch is settled when it begins and each of its tokens is due when it
ends. A completion is admitted when a slot and KV room for its prompt and for all of its tokens are free. The room is
reserved, by the tokens that it had when it came, so that nothing is ever evicted or computed twice. Until then it
waits, first come, first served, in a queue with a length and a time limit.

Left out, and so not to be learned from it: prefix caching, preemption, the attention's cost in a long prompt's prefill,
speculative decoding.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field

from mixtral_contract.mock.timing.engine import Generation, Load, Overload
from mixtral_contract.mock.timing.step_time import StepTime
from mixtral_contract.mock.timing.token_times import RecordedTimes

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(StepTime):
    """One node: slots, room, queue, and what a step costs; times in nanoseconds, room and lengths in tokens.

    `basis` says whether the figures were modelled or measured.
    """

    name: str
    basis: str
    slots: int
    step_tokens: int
    kv_tokens: int
    queue_length: int
    queue_wait_ns: int
    full_status: int
    late_status: int

    def model(self) -> BatchingScheduler:
        """The node with nothing under way."""
        return BatchingScheduler(self)


@dataclass(slots=True, eq=False)
class _Sequence:
    """An admitted completion: prompt tokens that are not read yet, tokens made, and the KV room that it holds."""

    generation: Generation
    unread: int
    kv: int
    made: int = 0
    dues: RecordedTimes = field(default_factory=RecordedTimes)


class BatchingScheduler:
    """The model of one profile; see `engine.Model`."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.kv_used = 0
        self._waiting: OrderedDict[Generation, int] = OrderedDict()  # with the time at which each gives up
        self._reading: dict[Generation, _Sequence] = {}
        self._decoding: dict[Generation, _Sequence] = {}
        self._context = 0  # tokens of all that decode, which a step reads the KV cache of
        self._waiting_prompt = self._waiting_tokens = 0
        self._chunks: list[tuple[_Sequence, int]] = []
        self._end_ns: int | None = None  # of the step under way
        self._free_ns = 0  # the end of the last step
        self._touched: dict[Generation, None] = {}
        self._arrived: list[Generation] = []
        self._inside = False

    @property
    def next_ns(self) -> int | None:
        """The end of the step, or of the longest waiter's patience."""
        if self._touched or self._arrived:
            return self._free_ns  # somebody's callback failed and held up the others
        if self._waiting and self._end_ns is not None:
            return min(self._end_ns, self._patience_ns)
        return self._end_ns

    @property
    def load(self) -> Load:
        """Slots and queue places taken."""
        return Load(self._admitted, len(self._waiting), self.kv_used / self.profile.kv_tokens)

    def start(self, generation: Generation, now_ns: int) -> None:
        """Admits, queues or refuses a completion.

        It joins the first step that begins from now on; a node that is idle begins one for it, as of when it was asked.
        """
        self._arrived.append(generation)
        self._pass(now_ns)

    def cancel(self, generation: Generation, now_ns: int) -> None:
        """Frees slot, room and queue place; a step under way still takes the time that it takes."""
        if not self._inside:
            self._pass(now_ns, leaving=generation)
        else:
            self._drop(generation)

    def release(self, now_ns: int) -> None:
        """Delivers what is due."""
        self._pass(now_ns)

    # one pass: the model first, then what it made due is told

    def _pass(self, now_ns: int, leaving: Generation | None = None) -> None:
        if self._inside:
            return  # a callback of the pass under way, which takes up what has arrived
        self._inside = True
        try:
            self._advance(now_ns)
            if leaving is not None:
                self._drop(leaving)
                self._admit()
            while self._arrived:
                self._arrive(self._arrived.pop(0), now_ns)
                self._advance(now_ns)
        finally:
            self._inside = False
        for generation in list(self._touched):
            if self._touched.pop(generation, 0) is None and not generation.cancelled:
                generation.deliver()

    def _advance(self, now_ns: int) -> None:
        """Everything that happens until now, in the order in which it does."""
        while self._end_ns is not None:
            if self._waiting and self._patience_ns < self._end_ns:
                if self._patience_ns > now_ns:
                    return
                self._give_up()
            elif self._end_ns <= now_ns:
                self._end_step(self._end_ns)
            else:
                return

    def _arrive(self, generation: Generation, now_ns: int) -> None:
        profile, need = self.profile, generation.prompt_tokens + generation.tokens
        if need > profile.kv_tokens:
            message = f"expected at most {profile.kv_tokens} tokens of prompt and completion, got {need}"
            generation.refuse(Overload(400, message, condition="invalid-request"))
            return
        if (self._waiting or not self._fits(generation)) and len(self._waiting) >= profile.queue_length:
            taken = f"{self._admitted} running and {len(self._waiting)} waiting"
            message = f"expected a free slot or place in the queue, got {taken}"
            generation.refuse(Overload(profile.full_status, message, self._wait_s()))
            return
        self._waiting[generation] = now_ns + profile.queue_wait_ns
        self._waiting_prompt += generation.prompt_tokens
        self._waiting_tokens += generation.tokens
        try:
            self._admit()
        finally:
            if self._end_ns is None:
                self._begin_step(max(generation.start_ns, self._free_ns))

    # steps

    def _begin_step(self, at_ns: int) -> None:
        """Settles the batch, in the order of arrival, and the step's end."""
        self._chunks = []
        decoding = len(self._decoding)
        room = self.profile.step_tokens - decoding
        for sequence in self._reading.values():
            if room <= 0:
                break
            chunk = min(sequence.unread, room)
            self._chunks.append((sequence, chunk))
            room -= chunk
        batch = self.profile.step_tokens - room
        self._end_ns = at_ns + max(1, round(self.profile.step_ns(batch, self._context))) if batch else None

    def _end_step(self, at_ns: int) -> None:
        self._free_ns = at_ns
        self._context += len(self._decoding)
        for sequence in list(self._decoding.values()):
            self._token(sequence, at_ns)
        for sequence, chunk in self._chunks:
            generation = sequence.generation
            sequence.unread -= chunk
            if not sequence.unread and generation in self._reading:  # not cancelled meanwhile
                del self._reading[generation]
                self._decoding[generation] = sequence
                self._context += generation.prompt_tokens + 1
                self._token(sequence, at_ns)
        try:
            self._admit()
        finally:
            self._begin_step(at_ns)

    def _token(self, sequence: _Sequence, at_ns: int) -> None:
        generation = sequence.generation
        made = sequence.made = sequence.made + 1
        last = made >= generation.tokens
        if last or not generation.together:
            generation.due = made
            sequence.dues.append(made, at_ns)
            self._touched[generation] = None
        if last:
            self._drop(generation)

    # slots, room and queue

    @property
    def _admitted(self) -> int:
        return len(self._reading) + len(self._decoding)

    @property
    def _patience_ns(self) -> int:
        return next(iter(self._waiting.values()))

    def _fits(self, generation: Generation) -> bool:
        need = generation.prompt_tokens + generation.tokens
        return self._admitted < self.profile.slots and self.kv_used + need <= self.profile.kv_tokens

    def _admit(self) -> None:
        """Gives their turn to all who fit, and to nobody before the one who came first."""
        while self._waiting and self._fits(next(iter(self._waiting))):
            generation = self._leave_queue()
            kv = generation.prompt_tokens + generation.tokens
            sequence = self._reading[generation] = _Sequence(generation, max(1, generation.prompt_tokens), kv)
            generation.noted = sequence.dues
            self.kv_used += kv
            self._touched[generation] = None
            generation.begin()

    def _give_up(self) -> None:
        """The longest waiter has waited long enough."""
        wait_s = self._wait_s()
        message = f"expected a turn within {self.profile.queue_wait_ns / _SECOND_NS:g} s, got none"
        self._leave_queue().refuse(Overload(self.profile.late_status, message, wait_s))

    def _leave_queue(self, generation: Generation | None = None) -> Generation:
        """Takes one from the queue, else the first."""
        if generation is None:
            generation = next(iter(self._waiting))
        del self._waiting[generation]
        self._waiting_prompt -= generation.prompt_tokens
        self._waiting_tokens -= generation.tokens
        return generation

    def _drop(self, generation: Generation) -> None:
        """Frees what a completion holds."""
        if generation in self._waiting:
            self._leave_queue(generation)
            return
        decoded = self._decoding.pop(generation, None)
        sequence = decoded or self._reading.pop(generation, None)
        if sequence is not None:
            self.kv_used -= sequence.kv
        if decoded is not None:
            self._context -= generation.prompt_tokens + decoded.made

    def _wait_s(self) -> int:
        """When to come back: by then all that is here now is done, and if nobody else comes there is a place.

        An upper bound: each prompt token is paid in full besides what its step costs, and prompts are in as many steps
        as there are prompts, and as they fill. All other steps decode only, in one slot each.
        """
        profile = self.profile
        sequences = [*self._reading.values(), *self._decoding.values()]
        left = [sequence.generation.tokens - sequence.made for sequence in sequences]
        unread = self._waiting_prompt + sum(sequence.unread for sequence in self._reading.values())
        rounds = max(max(left, default=0), math.ceil((sum(left) + self._waiting_tokens) / profile.slots))
        filled = math.ceil(unread / (profile.step_tokens - profile.slots))
        steps = 1 + rounds + filled
        reading = min(steps, 1 + len(self._reading) + len(self._waiting) + filled)
        weights_only = profile.longest_ns(profile.weights_ns[-1][0], self.kv_used)
        decoding_ns = profile.longest_ns(profile.slots, self.kv_used)
        wait_ns = reading * max(weights_only, decoding_ns) + (steps - reading) * decoding_ns + unread * profile.token_ns
        return max(1, math.ceil(wait_ns / _SECOND_NS))
