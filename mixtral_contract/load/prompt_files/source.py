"""The text of a file and where each value stands in it: JSON lines, or the elements of one JSON array."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mixtral_contract.load.prompt_files.own_prompt import PromptFileError
from mixtral_contract.primitives.shown import shown

_BLANK = re.compile(r"[ \t\r\n]*")
_DATA = re.compile(r"\s*\{\s*\"data\"\s*:\s*(?=\[)")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's path, as messages show it, and its text."""

    path: Path
    text: str

    @property
    def first_line(self) -> str:
        """The first line that is not empty; "" when there is none."""
        return self.text.lstrip().split("\n", 1)[0].strip()

    def values(self) -> Iterator[tuple[str, Any]]:
        """Each value with its place, of an array its elements, else one a line.

        Raises: PromptFileError for what is no JSON.
        """
        return self._array() if self.text.lstrip().startswith("[") else self._lines()

    def data(self) -> Iterator[tuple[str, Any]]:
        """The elements of `{"data": [...]}`, each with its place.

        Raises: PromptFileError for anything else.
        """
        found = _DATA.match(self.text)
        if found is None:
            raise PromptFileError(f'{self.path}:1: expected {{"data": [...]}}, got {shown(self.first_line)}')
        end = yield from self._elements(found.end())
        self._check_end(end, "}")

    def _array(self) -> Iterator[tuple[str, Any]]:
        end = yield from self._elements(self._skip(0))
        self._check_end(end, "")

    def _check_end(self, at: int, end: str) -> None:
        if (rest := self.text[at:].strip()) != end:
            wanted = f"only {end} behind the array" if end else "nothing behind the array"
            raise PromptFileError(f"{self._place(self._line(at))}: expected {wanted}, got {shown(rest)}")

    def _elements(self, start: int) -> Generator[tuple[str, Any], None, int]:
        """The elements of the array at `start`, each with its place; returns where the array ends.

        Raises: PromptFileError for what is no array.
        """
        decoder, at, line, counted = json.JSONDecoder(parse_constant=_refuse), start + 1, self._line(start), start
        at = self._skip(at)
        while self.text[at : at + 1] != "]":
            line += self.text.count("\n", counted, at)
            counted = at
            try:
                value, at = decoder.raw_decode(self.text, at)
                value = orjson.loads(orjson.dumps(value))  # no half of a surrogate pair: it could not be sent
            except json.JSONDecodeError as error:
                raise PromptFileError(f"{self._place(error.lineno)}: expected JSON, got {error.msg}") from error
            except (ValueError, TypeError, RecursionError) as error:
                raise PromptFileError(f"{self._place(line)}: expected JSON, got {error}") from error
            yield self._place(line), value
            at = self._skip(at)
            if self.text[at : at + 1] == ",":
                at = self._skip(at + 1)
            elif self.text[at : at + 1] != "]":
                got = shown(self.text[at : at + 20]) if self.text[at:] else "the end of the file"
                raise PromptFileError(f"{self._place(self._line(at))}: expected , or ] in the array, got {got}")
        return at + 1

    def _lines(self) -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(self.text.split("\n"), 1):
            if line.strip():
                try:
                    value = orjson.loads(line)
                except ValueError as error:
                    raise PromptFileError(f"{self._place(number)}: expected JSON, got {error}") from error
                yield self._place(number), value

    def _skip(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return at if found is None else found.end()

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _place(self, line: int) -> str:
        return f"{self.path}:{line}"


def _refuse(name: str) -> None:
    raise ValueError(f"{name}, which is no JSON")


def read_source(path: Path) -> Source:
    """The file.

    Raises: PromptFileError.
    """
    try:
        return Source(path, path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise PromptFileError(f"{path}: expected a file of prompts, got {reason}") from error
