"""What a code host reads of the repository: workflows, forms, hooks and the citation are in its form."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.repository import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(set((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) - {GITHUB / "ISSUE_TEMPLATE" / "config.yml"})
BIN = Path(sys.executable).parent

BROKEN = """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: echo ${{ github.no_such_thing }}
"""


def _read(path: Path) -> Any:
    # YAML 1.1 reads the key `on` as true
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506  it makes strings only


def _project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _pythons() -> list[str]:
    """The versions of Python that the package says it is for."""
    versions = (re.fullmatch(r".* :: (3\.\d+)", line) for line in _project()["classifiers"])
    return [version[1] for version in versions if version]


def _lint(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "actionlint"), "-shellcheck=", "-pyflakes=", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_workflows__pass_their_lint() -> None:
    """Ours, and the one that users copy."""
    done = _lint(*WORKFLOWS, ROOT / "examples" / "ci" / "github-workflow.yml")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_lint__finds_what_is_wrong(tmp_path: Path) -> None:
    """So that its silence means something."""
    file = tmp_path / "broken.yml"
    file.write_text(BROKEN, encoding="utf-8")
    done = _lint(file)
    assert done.returncode == 1
    assert "no_such_thing" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow__has_no_secret_and_few_rights(path: Path) -> None:
    """It reads the repository; what a job may do beyond that stands in that job. Nothing comes from a named address."""
    assert _read(path)["permissions"] == {"contents": "read"}
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"secrets\.|password|://", text)


def test_tests__run_on_each_python_and_system() -> None:
    """All of CI runs on each Python of the package, and what `make portable` runs on each system."""
    jobs = _read(GITHUB / "workflows" / "tests.yml")["jobs"]
    everything, portable = jobs["everything"], jobs["portable"]
    assert everything["strategy"]["matrix"]["python"] == _pythons()
    assert everything["steps"][-1]["run"] == ".ci/run"
    systems = {everything["runs-on"], *portable["strategy"]["matrix"]["system"]}
    assert systems == {"ubuntu-latest", "macos-latest", "windows-latest"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    matters = re.search(r"^MATTERS := (.*)$", makefile, re.MULTILINE)
    assert matters
    assert re.findall(r"tests/\S+", portable["steps"][-1]["run"]) == matters[1].split()


def test_release__is_a_tag_that_is_trusted() -> None:
    """Only the job that publishes may identify itself, and it does nothing else."""
    workflow = _read(GITHUB / "workflows" / "release.yml")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert "permissions" not in build
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    actions = [step["uses"].partition("@")[0] for step in publish["steps"]]
    assert actions == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]


def test_contract__is_linted() -> None:
    """Whenever a file of it changes."""
    workflow = _read(GITHUB / "workflows" / "contract.yml")
    assert workflow["jobs"]["lint"]["steps"][-1]["run"] == "python -m spec check"
    assert "spec/**" in workflow["on"]["pull_request"]["paths"]


@pytest.mark.parametrize(
    ("file", "wrong", "said"),
    [
        (None, "", ""),
        ("pyproject.toml", 'version = "9.8.6"', "pyproject.toml: expected version 9.8.7, got '9.8.6'"),
        ("CITATION.cff", "version: 9.8.6", "CITATION.cff: expected version 9.8.7, got '9.8.6'"),
        ("CHANGELOG.md", "", "CHANGELOG.md: expected a section [9.8.7], got none"),
    ],
)
def test_release__is_refused_unless_every_file_names_its_version(
    tmp_path: Path, file: str | None, wrong: str, said: str
) -> None:
    """In one line."""
    texts = {
        "pyproject.toml": '[project]\nversion = "9.8.7"\n',
        "CITATION.cff": "cff-version: 1.2.0\nversion: 9.8.7\n",
        "CHANGELOG.md": "# Changelog\n\n## [9.8.7]\n",
    }
    if file:
        texts[file] = f"[project]\n{wrong}\n"
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / ".github").mkdir()
    shutil.copy(GITHUB / "check_version.py", tmp_path / ".github")
    command = [sys.executable, str(tmp_path / ".github" / "check_version.py"), "v9.8.7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (1 if said else 0, said)


def test_hooks__are_our_own_programs() -> None:
    """Those of make setup, in the versions of make test: nothing is installed for them."""
    (repository,) = _read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        assert hook["language"] == "system"
        program = Path(hook["entry"].split()[0])
        assert program.parent == Path(".venv/bin")
        assert (BIN / program.name).exists(), program


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_form__asks_for_what_is_needed(path: Path) -> None:
    """Every question has a label and a name of its own, and some have to be answered."""
    form = _read(path)
    assert {"name", "description", "body"} <= form.keys()
    assert all(question["attributes"]["label"] for question in form["body"])
    ids = [question["id"] for question in form["body"]]
    assert len(set(ids)) == len(ids)
    assert any(question["validations"]["required"] == "true" for question in form["body"])


def test_citation__is_of_this_package() -> None:
    """With the keys that the format wants."""
    citation, project = _read(ROOT / "CITATION.cff"), _project()
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["title"].startswith(project["name"])


def test_supported_pythons__are_those_of_the_package() -> None:
    """In the page that says what is supported."""
    *others, last = _pythons()
    assert f"Python {', '.join(others)} and {last} are supported" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
