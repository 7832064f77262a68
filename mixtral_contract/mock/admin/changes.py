"""What can be changed while a mock runs: incidents, pace, breaks, and what is to be forgotten.

A change is checked in all its parts before any of it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mixtral_contract.mock.incidents.grammar import IncidentError, parse
from mixtral_contract.mock.timing import profile_file
from mixtral_contract.mock.timing.engine import Pace

if TYPE_CHECKING:
    from mixtral_contract.mock.service.mock import Mock

_PACE = {"ttft_ms": "ttft_ns", "itl_ms": "itl_ns"}
_MOST_INCIDENTS = 100
_MOST_BREAKS = 100
_SHOWN = 100


def change(mock: Mock, wanted: Any) -> dict[str, str]:
    """Makes all of a change, or nothing: then what is wrong, by field."""
    if not isinstance(wanted, Mapping) or not wanted:
        return {"body": f"expected an object with one of {', '.join(_CHANGES)}, got {_shown(wanted)}"}
    faults: dict[str, str] = {}
    steps = []
    if "pace" in wanted and "engine" in wanted:
        faults["engine"] = "expected pace or engine, got both"
    for name, value in wanted.items():
        prepare = _CHANGES.get(name)
        if prepare is None:
            faults[str(name)[:_SHOWN]] = f"expected one of {', '.join(_CHANGES)}"
        else:
            steps.append(prepare(mock, value, faults))
    if not faults:
        for step in steps:
            step()
    return faults


def reset(mock: Mock, wanted: Sequence[str]) -> str | None:
    """Forgets what is named, `all` for everything; what is wrong with the names, then nothing is forgotten."""
    unknown = [name for name in wanted if name not in RESETS and name != "all"]
    if unknown or not wanted:
        return f"expected one or more of {', '.join(RESETS)} or all, got {', '.join(unknown)[:_SHOWN] or 'none'}"
    for name, forget in RESETS.items():
        if name in wanted or "all" in wanted:
            forget(mock)
    return None


def _prepare_pace(mock: Mock, wanted: Any, faults: dict[str, str]) -> Callable[[], None]:
    if not isinstance(wanted, Mapping) or not wanted:
        faults["pace"] = f"expected an object with ttft_ms, itl_ms or both, got {_shown(wanted)}"
        return _nothing
    fields = {"ttft_ns": getattr(mock.pace, "ttft_ns", 0), "itl_ns": getattr(mock.pace, "itl_ns", 0)}
    for name, value in wanted.items():
        if name not in _PACE:
            faults[f"pace.{str(name)[:_SHOWN]}"] = f"expected {' or '.join(_PACE)}"
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            faults[f"pace.{name}"] = f"expected milliseconds, not negative, below 1e9, got {_shown(value)}"
        else:
            fields[_PACE[name]] = round(value * 1e6)
    return lambda: mock.set_pace(Pace(**fields))


def _prepare_incidents(mock: Mock, wanted: Any, faults: dict[str, str]) -> Callable[[], None]:
    if not isinstance(wanted, list) or len(wanted) > _MOST_INCIDENTS:
        faults["incidents"] = f"expected a list of up to {_MOST_INCIDENTS} texts, got {_shown(wanted)}"
        return _nothing
    for index, text in enumerate(wanted):
        try:
            parse(text if isinstance(text, str) else "")
        except IncidentError as error:
            faults[f"incidents[{index}]"] = str(error)
    return lambda: mock.incidents.set(*wanted)


def _prepare_engine(mock: Mock, wanted: Any, faults: dict[str, str]) -> Callable[[], None]:
    # by name only: a path would make the server open any file that a client names
    if wanted not in profile_file.names():
        faults["engine"] = f"expected {' or '.join(profile_file.names())}, got {_shown(wanted)}"
        return _nothing
    try:
        deployment = profile_file.load(wanted)
    except profile_file.ProfileError as error:
        faults["engine"] = str(error)
        return _nothing
    return lambda: mock.set_pace(deployment)


def _prepare_breaks(mock: Mock, wanted: Any, faults: dict[str, str]) -> Callable[[], None]:
    if not isinstance(wanted, list) or len(wanted) > _MOST_BREAKS:
        faults["breaks"] = f"expected a list of up to {_MOST_BREAKS} clause ids, got {_shown(wanted)}"
        return _nothing
    for index, name in enumerate(wanted):
        if not isinstance(name, str) or not mock.can_break(name):
            faults[f"breaks[{index}]"] = f"expected a clause that can be broken, got {_shown(name)}"
    return lambda: mock.set_breaks(wanted)


def _prepare_bodies(mock: Mock, wanted: Any, faults: dict[str, str]) -> Callable[[], None]:
    if not isinstance(wanted, bool):
        faults["journal_bodies"] = f"expected true or false, got {_shown(wanted)}"
    return lambda: setattr(mock.journal, "keeps_bodies", wanted)


def _nothing() -> None:
    """Stands for a change that cannot be made."""


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN]


_CHANGES: Mapping[str, Callable[[Mock, Any, dict[str, str]], Callable[[], None]]] = {
    "incidents": _prepare_incidents,
    "pace": _prepare_pace,
    "engine": _prepare_engine,
    "breaks": _prepare_breaks,
    "journal_bodies": _prepare_bodies,
}


def _rewind_fixtures(mock: Mock) -> None:
    mock.fixtures.reset()


def _restore_accounts(mock: Mock) -> None:
    for standing in mock.service.admission.standings:
        standing.restore()


RESETS: Mapping[str, Callable[[Mock], None]] = {
    "journal": lambda mock: mock.journal.clear(),
    "metrics": lambda mock: mock.metrics.reset(),
    "accounts": _restore_accounts,
    "incidents": lambda mock: mock.incidents.clear(),
    "fixtures": _rewind_fixtures,
    "replies": lambda mock: mock.fixtures.clear(),
}
"""What can be forgotten, and how."""
