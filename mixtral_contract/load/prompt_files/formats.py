"""The forms of files that are read, and how a file is told to be of one."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path

import orjson

from mixtral_contract.load.prompt_files.mooncake import read_mooncake
from mixtral_contract.load.prompt_files.own_prompt import PromptFile, PromptFileError
from mixtral_contract.load.prompt_files.payloads import read_batch, read_inputs_json
from mixtral_contract.load.prompt_files.rows import read_csv, read_rows
from mixtral_contract.load.prompt_files.sharegpt import read_sharegpt
from mixtral_contract.load.prompt_files.source import Source, read_source

Reader = Callable[[Source, Container[str], int, str | None], PromptFile]

FORMATS: Mapping[str, Reader] = {
    "jsonl": lambda source, documented, turns, _: read_rows(source, documented, turns),
    "sharegpt": lambda source, _, turns, __: read_sharegpt(source, turns),
    "openai-batch": lambda source, documented, turns, _: read_batch(source, documented, turns),
    "inputs-json": lambda source, documented, turns, _: read_inputs_json(source, documented, turns),
    "mooncake": lambda source, documented, _, __: read_mooncake(source, documented),
    "csv": lambda source, documented, _, column: read_csv(source, documented, column),
}
"""A reader for the name of each form."""

_BY_KEY = {
    "conversations": "sharegpt",
    "custom_id": "openai-batch",
    "data": "inputs-json",
    "input_length": "mooncake",
}
"""By which key of its first object a file is known; of another one it holds rows."""


def read_prompts(
    path: Path,
    format: str | None = None,  # noqa: A002 -- what everybody calls it
    *,
    documented: Container[str] = ("max_tokens",),
    turns: int = 1,
    column: str | None = None,
) -> PromptFile:
    """The prompts of a file; `format` None tells its form, one of `FORMATS`, from what it holds.

    `documented` are the fields that a request may have beside its messages. With `turns` above 1 a conversation is cut
    into that many turns of its user at most. `column` names the one with the texts in a CSV.

    Raises: PromptFileError in one line: which line of the file, what was expected, what was got.
    """
    source = read_source(path)
    if format is not None and format not in FORMATS:
        raise PromptFileError(f"format: expected one of {', '.join(FORMATS)}, got {format!r}")
    found = format or ("csv" if column is not None else recognize(source))
    if column is not None and found != "csv":
        raise PromptFileError(f"{path}: expected a column to be named for a CSV only, got a file of the form {found}")
    read = FORMATS[found](source, documented, turns, column)
    if not read.prompts:
        asked = f", {read.left_out} conversations without a question" if read.left_out else ""
        raise PromptFileError(f"{path}: expected at least one prompt, got none{asked}")
    return read


def recognize(source: Source) -> str:
    """The form of a file by its first character and the keys of its first object."""
    first = source.text.lstrip()[:1]
    if first == "[":
        return _by_keys(next((value for _, value in source.values()), None))
    if first != "{":
        return "csv" if first else "jsonl"
    try:
        return _by_keys(orjson.loads(source.first_line))
    except ValueError:
        # an object over several lines
        return "inputs-json" if '"data"' in source.text[:_HEAD] else "jsonl"


_HEAD = 200
"""In so many characters an object over several lines says what it is."""


def _by_keys(value: object) -> str:
    keys = value if isinstance(value, dict) else ()
    return next((form for key, form in _BY_KEY.items() if key in keys), "jsonl")
