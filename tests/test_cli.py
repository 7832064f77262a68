"""The one command of an installed package, and what the commands that it hands on to are given."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mixtral_contract import cli
from mixtral_contract.load.cli import locust_run
from mixtral_contract.primitives import command_line, extras
from mixtral_contract.suite.cli import check

WORDS = re.compile(r"python -m |pytest contract_tests|locust -f load")
"""What is typed in a checkout only."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had been started by the console command."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/mixtral-contract"])
    monkeypatch.setenv("PYTHONSAFEPATH", "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]], ids=["none", "long", "short"])
def test_without_a_command__lists_all(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, with the extra that it needs."""
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    names = ["mock", "check", "load", "compare", "calibrate", "prove", "drift", "report", "baseline", "spec"]
    assert listed == names == list(cli.COMMANDS)
    assert next(line for line in lines if line.startswith("  load ")).endswith("[load]")


def test_unknown_command__is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With what is close to it."""
    assert cli.main(["chek"]) == 2
    said = capsys.readouterr()
    assert said.err == "mixtral-contract: expected a command, such as check, got 'chek' (--help lists them)\n"
    assert not said.out


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help__teaches_with_the_console_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names itself, and no command that only a checkout has."""
    try:
        assert cli.main([name, "--help"]) == 0
    except SystemExit as ended:
        assert not ended.code  # noqa: PT017  argparse ends the process
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: mixtral-contract {name} ")
    assert "--" in shown
    assert not WORDS.search(shown)


@pytest.mark.usefixtures("started")
def test_help__of_check_and_load_has_our_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Which pytest's and Locust's own help bury or lack."""
    cli.main(["check", "--help"])
    assert "--budget N" in (shown := capsys.readouterr().out)
    assert "mixtral-contract check -k SSE-08" in shown
    cli.main(["load", "--help"])
    assert "--arrivals" in capsys.readouterr().out


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("word", ["report", "accept"])
def test_load__has_the_words_for_finished_runs(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they are typed; their help names them so, and Locust is not asked."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["load", word, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: mixtral-contract load {word} ")
    assert cli.main(["load", "--help"]) == 0
    assert f"mixtral-contract load {word}" in capsys.readouterr().out


def test_checkout__is_told_its_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever typed them."""
    with pytest.raises(SystemExit):
        import_module("mixtral_contract.contract.cli").main(["--help"])
    assert capsys.readouterr().out.startswith("usage: python -m spec ")


@pytest.mark.usefixtures("started")
def test_as_typed__keeps_the_column_of_remarks() -> None:
    """A shorter command gets more space behind it; the first gap is the column."""
    in_a_checkout = "  pytest contract_tests -q    a\n  python -m contract_tests    b  c\n"
    installed = "  mixtral-contract check -q    a\n  mixtral-contract            b  c\n"
    assert command_line.as_typed(in_a_checkout) == installed


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(("name", "extra"), [(name, command.extra) for name, command in cli.COMMANDS.items()])
def test_missing_extra__is_one_line_with_what_to_type(
    name: str, extra: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mock alone needs none."""
    absent = {"hypothesis": None, "locust": None}
    monkeypatch.setattr(extras, "find_spec", lambda module: absent.get(module, module))
    if extra is None:
        assert name == "mock"
        return
    assert cli.main([name, "--help"]) == 2
    module = {"suite": "hypothesis", "load": "locust"}[extra]
    assert capsys.readouterr().err == (
        f"mixtral-contract: {name}: expected the extra {extra!r}, got no {module}: "
        f"pip install 'mixtral-contract[{extra}]'\n"
    )


@pytest.mark.usefixtures("started")
def test_processes_of_a_command__do_not_look_into_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own switch, which every process that is started inherits."""
    monkeypatch.setattr(check, "main", lambda _arguments: int(os.environ["PYTHONSAFEPATH"]))
    assert cli.main(["check"]) == 1


def test_check__hands_everything_on_and_takes_nothing_of_the_project() -> None:
    """The user's arguments come last, so that they count."""
    line = check.command_line(["-k", "SSE-08", "-p", "no:x"], Path("/project"))
    assert Path(line[0]).name == "contract_tests"
    assert line[-4:] == ["-k", "SSE-08", "-p", "no:x"]
    assert Path(line[line.index("-c") + 1]).is_file()
    assert f"--rootdir={line[0]}" in line
    assert f"cache_dir={Path('/project/.pytest_cache/mixtral-contract')}" in line


def test_load__hands_everything_on_to_locust() -> None:
    """In a process of its own, since Locust patches the one that it runs in."""
    program = f"""
import sys
sys.argv = ["mixtral-contract", "load"]
import locust.main
locust.main.main = lambda: print(*sys.argv, sep="|")
from {locust_run.__name__} import main
main(["--headless", "-u", "2"])
"""
    ran = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    command, option, folder, *rest = ran.stdout.strip().split("|")
    assert (command, option, rest) == ("mixtral-contract", "-f", ["--headless", "-u", "2"])
    assert (Path(folder) / "locustfile.py").is_file()
