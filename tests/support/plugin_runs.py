"""Runs of pytest with the plugin, in a folder with an application in it."""

from __future__ import annotations

import pytest

from tests.support.repository import ROOT

# by name: where the project is installed its entry point would load it, and with it the plugins of everybody else
PLUGINS = ("-p", "mixtral_contract.pytest_plugin", "-p", "no:cacheprovider")

APPLICATION = """
    from openai import OpenAI

    def joke(topic):
        made = OpenAI().chat.completions.create(
            model="mistralai/mixtral-8x22b-instruct-v0.1",
            messages=[{"role": "user", "content": f"tell me a joke on {topic}"}],
        )
        return made.choices[0].message.content
"""


def application_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an application in it; its tests run in a process of their own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(application=APPLICATION)
    return pytester


def result(run: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """What comes of a test module of the application."""
    run.makepyfile(test_application=test)
    return run.runpytest_subprocess(*PLUGINS, *options)
