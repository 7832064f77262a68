"""The licences of what is installed."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution, PackageMetadata
from typing import cast

import pytest

from tests.packaging.licences import Licensed, installed, licences_of


class _Said(Distribution):
    """One whose metadata has these lines."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._message = Message()
        for name, value in lines:
            self._message[name] = value

    @property
    def metadata(self) -> PackageMetadata:
        """As importlib.metadata gives it."""
        return cast("PackageMetadata", self._message)

    def read_text(self, filename: str) -> None:
        """It has no files."""

    def locate_file(self, path: object) -> None:  # type: ignore[override]
        """It has no files."""


def test_all_that_is_installed__has_a_licence_on_the_list() -> None:
    """A dependency with another one is seen here before anybody gets it."""
    assert [each for each in installed() if not each.is_allowed] == []


def test_users__get_what_the_extras_ask_for() -> None:
    """The core and what it asks for in turn; no tool of ours."""
    users = {each.name.lower() for each in installed() if each.is_for_users}
    assert {"orjson", "pluggy", "locust", "gevent", "h11", "httpx", "schemathesis"} <= users
    assert not {"ruff", "mypy", "mistral_common", "pycountry", "openai"} & users


@pytest.mark.parametrize(
    ("lines", "licences"),
    [
        ([("License-Expression", "MPL-2.0 AND (Apache-2.0 OR MIT)")], {"MPL-2.0", "Apache-2.0", "MIT"}),
        ([("License", "Apache 2.0")], {"Apache-2.0"}),
        ([("License", "MIT License\n\n  Copyright (c) somebody")], {"MIT"}),
        ([("License", "Copyright (c) somebody"), ("Classifier", "License :: OSI Approved :: BSD License")], {"BSD"}),
        ([("License", "as is"), ("Classifier", "Programming Language :: Python")], set()),
        ([("Classifier", "License :: Other/Proprietary License")], {"Other/Proprietary License"}),
    ],
)
def test_licence__is_what_the_metadata_names(lines: list[tuple[str, str]], licences: set[str]) -> None:
    """In each of the ways in which packages say it."""
    assert licences_of(_Said(*lines)) == licences


@pytest.mark.parametrize(
    ("licences", "users", "allowed"),
    [
        ({"MIT"}, True, True),
        ({"MIT", "AGPL-3.0-only"}, True, False),
        ({"LGPL-2.1-only"}, True, False),
        ({"LGPL-2.1-only"}, False, True),
        (set(), False, False),
    ],
)
def test_licence_that_is_not_on_the_list__is_told(licences: set[str], users: bool, allowed: bool) -> None:  # noqa: FBT001
    """One of several is enough, and so is none at all; a tool may have what is given to nobody."""
    assert Licensed("x", "1", frozenset(licences), users).is_allowed == allowed
