"""The environment variables by which clients find their endpoint and their key, set for a while and put back.

Read by: OPENAI_API_KEY and OPENAI_BASE_URL the openai SDK of every language and what is built on it; OPENAI_API_BASE
langchain-openai and LiteLLM; NVIDIA_API_KEY and NVIDIA_BASE_URL langchain-nvidia-ai-endpoints; NVIDIA_NIM_API_KEY and
NVIDIA_NIM_API_BASE LiteLLM; SEGMIND_API_KEY the segmind SDK, which has no variable for its address.

Imports nothing of the mock: pytest's plugin sets some of these before there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

KEYS = ("OPENAI_API_KEY", "NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY", "SEGMIND_API_KEY")
BASE_URLS = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "NVIDIA_BASE_URL", "NVIDIA_NIM_API_BASE")

KEY = "mock-valid"
BASE_URL = "https://integrate.api.nvidia.com/v1"
"""What a client finds that is made while a test module is imported; a test holds both against the contract."""

_NO_PROXY = ("NO_PROXY", "no_proxy")


def variables(base_url: str, key: str) -> dict[str, str]:
    """What clients have to find in their environment: the endpoint, the key, and that no proxy is asked."""
    return {**dict.fromkeys(BASE_URLS, base_url), **dict.fromkeys(KEYS, key), **dict.fromkeys(_NO_PROXY, "*")}


def keys(environment: Mapping[str, str]) -> list[str]:
    """The keys that an environment holds, each once."""
    return list(dict.fromkeys(key for name in KEYS if (key := environment.get(name))))


class TemporaryVariables:
    """Variables that are set from `begin` to `end`; what they were before is put back."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._environment = environment
        self._before: dict[str, str | None] = {}

    def begin(self, wanted: Mapping[str, str]) -> None:
        """Sets them."""
        self._before = {name: self._environment.get(name) for name in wanted}
        self._environment.update(wanted)

    def end(self) -> None:
        """Puts back what was there."""
        for name, value in self._before.items():
            if value is None:
                self._environment.pop(name, None)
            else:
                self._environment[name] = value
        self._before = {}


@contextmanager
def for_imports(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Sets what is not set, so that a client can be made by a module that is being imported; then puts it back."""
    wanted = {**dict.fromkeys(BASE_URLS, BASE_URL), **dict.fromkeys(KEYS, KEY)}
    temporary = TemporaryVariables(environment)
    temporary.begin({name: value for name, value in wanted.items() if not environment.get(name)})
    try:
        yield
    finally:
        temporary.end()
