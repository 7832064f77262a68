"""Rows of one prompt each: JSON lines with a text or a conversation, and CSV with a column of texts."""

from __future__ import annotations

import base64
import csv
import io
import mimetypes
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from mixtral_contract.load.prompt_files.fields import (
    LIMITS,
    TEXTS,
    limit,
    messages_of,
    request_fields,
    text_of,
    whole_number,
)
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from mixtral_contract.load.prompt_files.source import Source
from mixtral_contract.load.prompt_files.turns import in_turns
from mixtral_contract.primitives.shown import shown

_MOST_CHARACTERS = 2**31 - 1
_ADDRESSES = ("http://", "https://", "data:")


def read_rows(source: Source, documented: Container[str], turns: int) -> PromptFile:
    """The prompts of JSON lines: each `{"prompt": "..."}`, under any name of `TEXTS`, or `{"messages": [...]}`.

    Raises: PromptFileError.
    """
    prompts = tuple(_row(where, value, source.path, documented, turns) for where, value in source.values())
    return PromptFile("jsonl", prompts)


def _row(where: str, value: Any, path: Path, documented: Container[str], turns: int) -> OwnPrompt:
    there = [name for name in ("messages", *TEXTS) if isinstance(value, dict) and name in value]
    if len(there) != 1:
        either = f"messages or {', '.join(TEXTS[:-1])} or {TEXTS[-1]}"
        raise PromptFileError(f"{where}: expected an object with either {either}, got {shown(value)}")
    fields = request_fields(where, value, "rows", documented)
    longest = limit(where, value, LIMITS, documented)
    if there[0] == "messages":
        if "images" in value:
            raise PromptFileError(
                f"{where}: images: expected them in the messages, as parts, got {shown(value['images'])}"
            )
        return in_turns(OwnPrompt(messages_of(where, value["messages"]), longest, fields), turns)
    text = text_of(f"{where}: {there[0]}", value[there[0]])
    return OwnPrompt([{"role": "user", "content": _content(where, text, value.get("images"), path)}], longest, fields)


def _content(where: str, text: str, images: Any, path: Path) -> Any:
    if images is None:
        return text
    if not isinstance(images, list) or not all(isinstance(each, str) for each in images):
        raise PromptFileError(f"{where}: images: expected a list of addresses or files, got {shown(images)}")
    parts = [{"type": "image_url", "image_url": {"url": _address(where, each, path)}} for each in images]
    return [{"type": "text", "text": text}, *parts]


def _address(where: str, image: str, path: Path) -> str:
    """An address as it is, a file as a data URI; its path counts from the folder of the prompts."""
    if image.startswith(_ADDRESSES):
        return image
    kind = mimetypes.guess_type(image)[0] or ""
    if not kind.startswith("image/"):
        raise PromptFileError(f"{where}: images: expected an address or an image's file, got {shown(image)}")
    try:
        data = (path.parent / image).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PromptFileError(f"{where}: images: expected a file, got {shown(image)}: {reason}") from error
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def read_csv(source: Source, documented: Container[str], column: str | None) -> PromptFile:
    """The prompts of a table with a header; `column` None stands for the one of `TEXTS` that it has.

    Without a named column all columns have to be of use; with one the user has said which is, and the rest is unused.

    Raises: PromptFileError.
    """
    lines = _csv_lines(source)
    place, names = next(lines, (f"{source.path}:1", []))
    name = column if column is not None else _column(source, names)
    unused = tuple(each for each in names if each not in (name, *LIMITS))
    if len(set(names)) < len(names) or name not in names:
        raise PromptFileError(f"{place}: expected the column {name!r}, and each once, got {shown(','.join(names))}")
    if unused and column is None:
        raise PromptFileError(
            f"{place}: expected the column {name!r} and limits, got {unused[0]!r}, which would not be sent "
            "(--prompts-column says that the others are not wanted)"
        )
    prompts = tuple(_cells(where, names, cells, name, documented) for where, cells in lines)
    return PromptFile("csv", prompts, unused=unused)


def _csv_lines(source: Source) -> Iterator[tuple[str, list[str]]]:
    """The cells of each line that has any, and where it begins."""
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    while True:
        where = f"{source.path}:{reader.line_num + 1}"
        # the module's own limit is shorter than a prompt of 30,000 tokens, and holds for every other reader
        others = csv.field_size_limit(_MOST_CHARACTERS)
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise PromptFileError(f"{where}: expected CSV, got {error}") from error
        finally:
            csv.field_size_limit(others)
        if cells is None:
            return
        if cells:
            yield where, cells


def _column(source: Source, names: list[str]) -> str:
    there = [name for name in names if name in TEXTS]
    if len(there) != 1:
        raise PromptFileError(
            f"{source.path}:1: expected JSON or a header with one column of {', '.join(TEXTS)} (--prompts-column "
            f"names another), got {shown(source.first_line)}"
        )
    return there[0]


def _cells(where: str, names: list[str], cells: list[str], column: str, documented: Container[str]) -> OwnPrompt:
    if len(cells) != len(names):
        raise PromptFileError(f"{where}: expected as many cells as the header has, {len(names)}, got {len(cells)}")
    row = dict(zip(names, cells, strict=True))
    limits = {name: _number(f"{where}: {name}", row[name]) for name in LIMITS if row.get(name)}
    longest = limit(where, limits, LIMITS, documented)
    return OwnPrompt([{"role": "user", "content": row[column]}], longest)


def _number(where: str, text: str) -> int:
    return whole_number(where, int(text) if text.isascii() and text.isdecimal() else text, at_least=1)
