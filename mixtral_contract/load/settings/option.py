"""One option of a load run, as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `in_web_ui` is False for what a visitor of the web page has no business to set or to see."""

    flag: str
    metavar: str
    help: str
    default: Any = None
    type: Callable[[str], Any] = str
    in_web_ui: bool = True
    is_switch: bool = False
    is_repeated: bool = False

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments for `ArgumentParser.add_argument` besides the flag."""
        if self.is_switch:
            return {"action": "store_true", "help": self.help}
        if self.is_repeated:
            return {"action": "append", "metavar": self.metavar, "help": f"{self.help} May be given several times."}
        shown = "" if self.default is None else " Default: %(default)s."
        return {"metavar": self.metavar, "help": self.help + shown, "default": self.default, "type": self.type}
