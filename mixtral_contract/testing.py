"""Mocks for the tests of an application: `MixtralApi` in this process, `MixtralServer` on a socket.

    with MixtralApi() as api:
        api.next("429", retry_after=1)
        my_application.answer("hello")      # calls https://integrate.api.nvidia.com/v1/chat/completions as ever
        api.assert_called(2)

pytest has both as fixtures, `mixtral_api` and `mixtral_server`, without an import. What a reply is written with stands
here too: `tool_call`, `pause`, `comment`, `error`, `raw`, `cut`, `finish`.
"""

from __future__ import annotations

from mixtral_contract.mock.replies.parts import comment, cut, error, finish, pause, raw, tool_call
from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.mock.testing.patched_transports import UnmockedError

__all__ = [
    "MixtralApi",
    "MixtralServer",
    "UnmockedError",
    "comment",
    "cut",
    "error",
    "finish",
    "pause",
    "raw",
    "tool_call",
]
