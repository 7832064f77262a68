"""Strings that keep what a JSON Schema says of them: a format, a pattern, a length.

What is made is a proposal: whoever asks validates it, so a rule that cannot be followed here costs another try and
never a wrong answer. Patterns are followed by our own code, for rstr, exrex and hypothesis reach no length that is
asked for and stop at no budget of work; all of them read patterns by the standard library's parser, as is done here.
"""

from __future__ import annotations

import importlib
import random
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 10_000
"""Characters; a schema that wants more is refused."""

_REACH = 6
"""How many times more than it must a part of a pattern is repeated at most."""
_TRIES = 40
_LONGEST_PATTERN = 10_000
_SHARES = 5
_PRINTABLE = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:;!?/@#%&*+=~()[]{}<>|'\"\\^$`"
_ESCAPES = {"DIGIT": r"\d", "WORD": r"\w", "SPACE": r"\s"}
_CATEGORIES = {
    f"CATEGORY_{negation}{name}": "".join(each for each in _PRINTABLE if bool(re.match(escape, each)) != bool(negation))
    for name, escape in _ESCAPES.items()
    for negation in ("", "NOT_")
}


class UnmadeError(ValueError):
    """No string of that kind is made here; the message says why."""


def text(chance: random.Random, words: Callable[[], str], low: int, high: int | None) -> str:
    """Words of that many characters.

    Raises: UnmadeError for a text that is too long, or that would have to be longer than it may.
    """
    _check_length(low, high)
    made = words()
    while len(made) < low:
        made += " " + words()
    if high is not None and len(made) > high:
        # a space at the cut is replaced, so that the length stays and nothing ends with a space
        made = made[:high]
        made = made.rstrip() + "".join(
            chance.choice(string.ascii_lowercase) for _ in range(len(made) - len(made.rstrip()))
        )
    return made


def formatted(chance: random.Random, name: str | None) -> str | None:
    """A string of that format; None for none, and for one that is not known, which JSON Schema lets pass."""
    make = _FORMATS.get(name or "")
    return None if make is None else make(chance)


def matching(  # noqa: PLR0917  the last two are the caller's
    chance: random.Random,
    pattern: str,
    low: int,
    high: int | None,
    is_good: Callable[[str], bool] = lambda _made: True,
    step: Callable[[], None] = lambda: None,
) -> str:
    """A string of that many characters in which the pattern is found; `is_good` decides about what cannot be followed.

    `step` is called for each part of the pattern that is followed.

    Raises: UnmadeError for a pattern that Python cannot read, or that nothing of that length was found for.
    """
    _check_length(low, high)
    if len(pattern) > _LONGEST_PATTERN:
        raise UnmadeError(f"pattern: expected at most {_LONGEST_PATTERN} characters, got {len(pattern)}")
    parts = _parsed(pattern)
    missing = low - len(_Matching(chance, 0, 0, step).of(parts))
    for attempt in range(_TRIES):
        # as chance has it, then as little as possible, then what is missing, shared by some repetitions or others
        share = 0 if attempt % 2 else -(-missing // (1 + attempt // 2 % _SHARES))
        made = _Matching(chance, max(share, 0), _REACH if attempt % 4 == 0 else 0, step).of(parts)
        if len(made) < low and not pattern.endswith("$"):
            made += "".join(chance.choice(string.ascii_lowercase) for _ in range(low - len(made)))
        if low <= len(made) and (high is None or len(made) <= high) and is_good(made):
            return made
    raise UnmadeError(f"pattern: expected one that a string of {low} to {high} characters keeps, got {pattern[:80]!r}")


def _check_length(low: int, high: int | None) -> None:
    if low > LONGEST:
        raise UnmadeError(f"minLength: expected at most {LONGEST}, got {low}")
    if high is not None and high < low:
        raise UnmadeError(f"maxLength: expected at least {low}, got {high}")


def _parsed(pattern: str) -> Any:
    # the standard library's own parser, which has no public name; a named group is written differently in ECMA-262
    parser = importlib.import_module("re._parser")
    try:
        return parser.parse(re.sub(r"\(\?<(?![=!])", "(?P<", pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise UnmadeError(f"pattern: expected one that can be followed, got {pattern[:80]!r} ({error})") from error


class _Matching:
    """Follows a parsed pattern once; assertions are left to the one who validates.

    What may be repeated is repeated `more` times more than it must be, and by chance up to `reach` times beyond that.
    """

    def __init__(self, chance: random.Random, more: int, reach: int, step: Callable[[], None]) -> None:
        self._chance = chance
        self._step = step
        self._more = more
        self._reach = reach
        self._groups: dict[int, str] = {}
        self._left = LONGEST

    def of(self, parts: Any) -> str:
        """A string that the parts match one after the other."""
        return "".join(self._part(str(operation), argument) for operation, argument in parts)

    def _part(self, operation: str, argument: Any) -> str:
        self._step()
        self._left -= 1
        if self._left < 0:
            raise UnmadeError(f"pattern: expected one that a string of {LONGEST} characters keeps, got a longer one")
        follow = _FOLLOWED.get(operation)
        if follow is None:
            raise UnmadeError(f"pattern: expected one that can be followed, got {operation.lower()}")
        return follow(self, argument)

    def literal(self, code: int) -> str:
        return chr(code)

    def not_literal(self, code: int) -> str:
        return self._chance.choice(_PRINTABLE.replace(chr(code), ""))

    def any(self, _argument: None) -> str:
        return self._chance.choice(string.ascii_lowercase)

    def among(self, items: Any) -> str:
        items = [(str(operation), argument) for operation, argument in items]
        negated = items[0][0] == "NEGATE"
        found = "".join(_characters(operation, argument) for operation, argument in items[negated:])
        if negated:
            found = "".join(sorted(set(_PRINTABLE) - set(found)))
        if not found:
            raise UnmadeError("pattern: expected a set of characters with a printable one, got none")
        return self._chance.choice(found)

    def repeated(self, argument: Any) -> str:
        low, high, parts = argument
        low, high = int(low), int(high)
        count = min(high, low + self._more + self._chance.randint(0, self._reach))
        return "".join(self.of(parts) for _ in range(min(count, LONGEST + 1)))

    def group(self, argument: Any) -> str:
        number, *_flags, parts = argument
        made = self.of(parts)
        if number is not None:
            self._groups[number] = made
        return made

    def branch(self, argument: Any) -> str:
        return self.of(self._chance.choice(argument[1]))

    def reference(self, number: int) -> str:
        return self._groups.get(number, "")

    def nothing(self, _argument: Any) -> str:
        return ""


_FOLLOWED: Mapping[str, Callable[[_Matching, Any], str]] = {
    "LITERAL": _Matching.literal,
    "NOT_LITERAL": _Matching.not_literal,
    "ANY": _Matching.any,
    "IN": _Matching.among,
    "MAX_REPEAT": _Matching.repeated,
    "MIN_REPEAT": _Matching.repeated,
    "POSSESSIVE_REPEAT": _Matching.repeated,
    "SUBPATTERN": _Matching.group,
    "ATOMIC_GROUP": _Matching.of,
    "BRANCH": _Matching.branch,
    "GROUPREF": _Matching.reference,
    "AT": _Matching.nothing,
    "ASSERT": _Matching.nothing,
    "ASSERT_NOT": _Matching.nothing,
}


def _characters(operation: str, argument: Any) -> str:
    """The characters that an item of a set stands for, the printable ones of a long range."""
    if operation == "LITERAL":
        return chr(argument)
    if operation == "CATEGORY":
        return _CATEGORIES.get(str(argument), "")
    low, high = argument
    return "".join(map(chr, range(low, min(high, low + 127) + 1)))


def _hex(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}x}"


def _date(chance: random.Random) -> str:
    return f"20{chance.randint(20, 29)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def _time(chance: random.Random) -> str:
    return f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}Z"


def _host(chance: random.Random) -> str:
    return f"{chance.choice(('www', 'api', 'shop', 'blog'))}.example.{chance.choice(('com', 'org', 'net'))}"


def _mail(chance: random.Random) -> str:
    return f"{chance.choice(('ada', 'alan', 'grace', 'linus'))}{chance.randint(1, 99)}@example.com"


def _uri(chance: random.Random) -> str:
    return f"https://{_host(chance)}/{chance.choice(('a', 'news', 'item'))}/{chance.randint(1, 999)}"


def _uuid(chance: random.Random) -> str:
    return "-".join((_hex(chance, 8), _hex(chance, 4), "4" + _hex(chance, 3), "a" + _hex(chance, 3), _hex(chance, 12)))


_FORMATS: Mapping[str, Callable[[random.Random], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda chance: f"{_date(chance)}T{_time(chance)}",
    "duration": lambda chance: f"P{chance.randint(1, 9)}DT{chance.randint(1, 23)}H",
    "email": _mail,
    "idn-email": _mail,
    "hostname": _host,
    "idn-hostname": _host,
    "ipv4": lambda chance: f"192.0.2.{chance.randint(1, 254)}",
    "ipv6": lambda chance: f"2001:db8::{chance.randint(1, 9999)}",
    "uri": _uri,
    "uri-reference": _uri,
    "iri": _uri,
    "iri-reference": _uri,
    "uri-template": lambda chance: f"{_uri(chance)}{{?page}}",
    "uuid": _uuid,
    "json-pointer": lambda chance: f"/items/{chance.randint(0, 9)}",
    "relative-json-pointer": lambda chance: f"{chance.randint(0, 3)}/name",
    "regex": lambda chance: f"^[a-z]{{{chance.randint(1, 9)}}}$",
}
