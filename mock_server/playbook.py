"""Scripted replies that a test writes in code, before those of a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mock_server.fixtures import ANY, Fixture, Fixtures, Line, Scripts, Wanted, WantedMessage


@dataclass(frozen=True, slots=True)
class _Found(Wanted):
    """A text in which a compiled pattern, with its flags, is found."""

    pattern: re.Pattern[str]

    def accepts(self, text: str) -> bool:
        """Whether it is found."""
        return self.pattern.search(text) is not None


class Playbook:
    """What the model says, by question.

    A reply with a condition comes before one without, a newer one before an older one, and all of them before those
    of the file. As long as there is none at all the mock makes up its answers; then a question that meets none is
    refused, where the file does not say otherwise.
    """

    def __init__(self, file: Scripts | None = None) -> None:
        self._file = file
        self._particular: list[Fixture] = []
        self._general: list[Fixture] = []
        self._written = 0
        self._current = Fixtures(())

    def add(
        self, texts: tuple[str, ...], when: str | re.Pattern[str] | None, dialect: str, fields: Mapping[str, Any]
    ) -> None:
        """Adds a reply: the texts of the calls that meet it, one after the other, the last one for all that follow.

        `when` has to stand in the last message of the user (a text), or to be found in it (a pattern).
        """
        self._written += 1
        fixture = Fixture(
            name=f"reply {self._written}",
            dialects=frozenset((dialect,)),
            model=None,
            messages=None,
            last=None if when is None else WantedMessage("user", _wanted(when), 0),
            fields=dict(fields),
            says=tuple(Line(text) for text in texts),
            turns=(),
        )
        (self._general if when is None and dialect == ANY and not fields else self._particular).insert(0, fixture)

    def current(self, now_ns: int) -> Fixtures:
        """The fixtures that are in use."""
        filed = None if self._file is None else self._file.current(now_ns)
        wanted = (*self._particular, *self._general, *(filed.fixtures if filed else ()))
        refuse = bool(wanted) if filed is None else filed.refuse_unmatched
        if wanted != self._current.fixtures or refuse != self._current.refuse_unmatched:
            fixtures = Fixtures(wanted, refuse_unmatched=refuse)
            fixtures.succeed(self._current)
            self._current = fixtures
        return self._current

    def reset(self) -> None:
        """Lets every reply begin with its first text again."""
        self._current.restart()


def _wanted(when: str | re.Pattern[str]) -> Wanted:
    return Wanted("contains", when) if isinstance(when, str) else _Found("matches", when.pattern, when)
