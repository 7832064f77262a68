"""What a reply in Python is written with: each function returns the plain data of one part.

api.reply(["Let me see", pause(0.2), tool_call("get_weather", city="Paris"), error("overloaded", code=503)])
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

Data = dict[str, Any]


def tool_call(
    name: str, arguments: Mapping[str, Any] | str | None = None, call_id: str | None = None, /, **named: Any
) -> Data:
    """A call of a function, its arguments as an object, by their names, or as a text that is sent as it stands."""
    given = {**(arguments or {}), **named} if not isinstance(arguments, str) else arguments
    if isinstance(arguments, str) and named:
        raise ValueError(f"tool_call: expected arguments as one text or by name, got {arguments!r} and {named!r}")
    call: Data = {"name": name, "arguments": given}
    return {"tool_call": call if call_id is None else {**call, "id": call_id}}


def pause(seconds: float) -> Data:
    """Nothing leaves for so long."""
    return {"pause": seconds}


def comment(text: str = "keep-alive") -> Data:
    """A comment line, such as gateways send while there is nothing to say."""
    return {"comment": text}


def error(
    message: str,
    *,
    code: int | str | None = None,
    type: str | None = None,  # noqa: A002  the wire's word
    envelope: str = "openai",
    done: bool = False,
) -> Data:
    """An error as an event, which ends the stream; `envelope` is openai, problem or bare, `done` sends [DONE]."""
    given = {"message": message, "code": code, "type": type, "envelope": envelope, "done": done}
    return {"error": {name: value for name, value in given.items() if value is not None}}


def raw(data: bytes | str) -> Data:
    """Bytes as they stand, amid the chunks."""
    if isinstance(data, str):
        return {"raw": data}
    try:
        return {"raw": data.decode()}
    except UnicodeDecodeError:
        return {"raw": {"base64": base64.b64encode(data).decode()}}


def cut(by: str = "fin") -> Data:
    """The connection ends here: by fin, by rst, or amid a chunk of the transfer coding."""
    return {"cut": by}


def finish(reason: str | None = "stop") -> Data:
    """The chunk with finish_reason leaves here; what stands behind comes after it."""
    return {"finish": reason}
