"""A small file of each form, in the shape that its project documents; the words are our own."""

from __future__ import annotations

import json
from typing import Any

SHAREGPT = """[
  {"id": "a1_0", "conversations": [
    {"from": "human", "value": "Name three rivers."},
    {"from": "gpt", "value": "Rhine, Elbe and Oder."},
    {"from": "human", "value": "Which is the longest?"},
    {"from": "gpt", "value": "The Rhine."}
  ]},
  {"id": "a2_0", "conversations": []},
  {"id": "a3_5", "conversations": [
    {"from": "gpt", "value": "...and so on."},
    {"from": "human", "value": "Go on."},
    {"from": "gpt", "value": "No."}
  ]}
]
"""

BATCH = "\n".join(
    json.dumps(
        {
            "custom_id": f"request-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "some-model",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
                "max_tokens": 40 + number,
            },
        }
    )
    for number, text in enumerate(("Name a river.", "Name a lake."))
)

_FIRST = {"role": "user", "content": "Hello."}
_SECOND = [_FIRST, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Name a river."}]
INPUTS: dict[str, Any] = {
    "data": [
        {
            "session_id": "s-1",
            "payloads": [
                {"messages": [_FIRST], "model": "m", "max_completion_tokens": 20, "stream": True},
                {"messages": _SECOND, "model": "m", "max_completion_tokens": 30, "stream": True},
            ],
        },
        {"session_id": "s-2", "payloads": [{"messages": [_FIRST], "model": "m"}]},
    ]
}

MOONCAKE = """{"timestamp": 3000, "input_length": 1100, "output_length": 52, "hash_ids": [0, 1, 2]}
{"timestamp": 0, "input_length": 700, "output_length": 26, "hash_ids": [0, 1]}
{"timestamp": 3500, "input_length": 600, "output_length": 5, "hash_ids": [7, 1]}
"""

CSV = 'prompt,max_tokens\n"Name a river, please.",9\n"Name\na lake.",\n'

_ROLES = ("user", "assistant", "user")
JSONL = """{"prompt": "Name a river."}
{"text": "Name a lake.", "output_tokens": 7}
{"text_input": "Name a sea.", "max_tokens": 8}
"""
JSONL += json.dumps(
    {"messages": [{"role": role, "content": text} for role, text in zip(_ROLES, ("One.", "1.", "Two."), strict=True)]}
)

SAMPLES = {
    "jsonl": JSONL,
    "sharegpt": SHAREGPT,
    "openai-batch": BATCH,
    "inputs-json": json.dumps(INPUTS, indent=2),
    "mooncake": MOONCAKE,
    "csv": CSV,
}
