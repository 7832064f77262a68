"""`python -m load compare` and `accept`: finished runs against each other, and the one that others are held against."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mixtral_contract.load.compare.baseline import accept
from mixtral_contract.load.compare.comparison import Comparison, compare
from mixtral_contract.load.compare.differences import DECISIVE, LENGTHS
from mixtral_contract.load.compare.html_comparison import render_comparison
from mixtral_contract.load.compare.json_comparison import comparison_document, worst_of
from mixtral_contract.load.compare.markdown_comparison import render_markdown
from mixtral_contract.load.compare.run_folder import RunFolder, RunFolderError, read_run_folder
from mixtral_contract.load.settings.option_types import percent
from mixtral_contract.primitives.command_line import as_typed


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `compare`."""
    parser.add_argument("first", type=Path, metavar="A", help="the folder of the run to compare with")
    parser.add_argument(
        "others", type=Path, nargs="+", metavar="B", help="the folder of the run in question; each is compared with A"
    )
    parser.add_argument(
        "--pinned",
        type=Path,
        metavar="DIR",
        help="compare each B with this run too, which stays: small steps that add up are seen (default: none)",
    )
    parser.add_argument(
        "--tolerance",
        type=percent,
        default=0.05,
        metavar="P%",
        help="a change up to this is no regression (default: 5%%)",
    )
    parser.add_argument(
        "--may-differ",
        type=_settings,
        default=frozenset(),
        metavar="NAMES",
        help=f"what the runs may differ in and are compared all the same, with commas: {', '.join(sorted(_NAMES))}",
    )
    parser.add_argument(
        "--allow-unclear", action="store_true", help="end with 0 where nothing is worse for sure (default: with 1)"
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON instead of a table")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown, for a pull request")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a page that shows both (default: none)")


def add_accept_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `accept`."""
    parser.add_argument(
        "run_folder", type=Path, metavar="RUN", help="the folder of the run to compare with from now on"
    )
    parser.add_argument("baseline", type=Path, metavar="BASELINE", help="the folder that gets a copy of it")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, for accepted.json in the folder")


def run_compare(options: argparse.Namespace) -> int:
    """Compares, prints and writes what was asked for, and returns the exit status."""
    try:
        comparisons = list(_comparisons(options))
        written = _write(options, comparisons)
    except RunFolderError as error:
        print(as_typed(f"python -m load compare: {error}"), file=sys.stderr)
        return 2
    if not written:
        return 2
    if options.json:
        print(json.dumps(comparison_document(comparisons), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(each.text() for each in comparisons), end="")
        if len(comparisons) > 1:
            worst = worst_of(comparisons)
            print(f"\n{worst.first.name} and {worst.second.name}: {worst.conclusion()}")
    return max(each.exit_status for each in comparisons)


def run_accept(options: argparse.Namespace) -> int:
    """Makes the run the baseline and returns the exit status."""
    try:
        accept(read_run_folder(options.run_folder), options.baseline, options.reason, dt.datetime.now(dt.UTC))
    except RunFolderError as error:
        print(as_typed(f"python -m load accept: {error}"), file=sys.stderr)
        return 2
    except OSError as error:
        expected = f"BASELINE: expected a folder to write, got '{options.baseline}'"
        print(as_typed(f"python -m load accept: {expected}: {error.strerror}"), file=sys.stderr)
        return 2
    print(f"accepted: {options.run_folder} is the baseline in {options.baseline}")
    return 0


def _comparisons(options: argparse.Namespace) -> Iterator[Comparison]:
    """Each candidate against A and against the pinned run; nothing is compared before all folders were read."""
    bases = [read_run_folder(folder) for folder in (options.first, options.pinned) if folder is not None]
    candidates = [read_run_folder(folder) for folder in options.others]
    for base in bases:
        for candidate in candidates:
            yield _compared(base, candidate, options)


def _compared(base: RunFolder, candidate: RunFolder, options: argparse.Namespace) -> Comparison:
    return compare(
        base,
        candidate,
        tolerance=options.tolerance,
        may_differ=options.may_differ,
        allows_unclear=options.allow_unclear,
    )


def _write(options: argparse.Namespace, comparisons: list[Comparison]) -> bool:
    """Writes page and Markdown where they were asked for; whether all could be written."""
    written = options.markdown is None or _written("--markdown", options.markdown, lambda: render_markdown(comparisons))
    if options.out is None:
        return written
    for number, comparison in enumerate(comparisons, 1):
        # the pages of several comparisons are numbered from the second on
        page = options.out if number == 1 else options.out.with_stem(f"{options.out.stem}-{number}")
        written &= _written("--out", page, functools.partial(render_comparison, comparison))
    return written


def _written(flag: str, path: Path, render: Callable[[], str]) -> bool:
    try:
        path.write_text(render(), encoding="utf-8")
    except OSError as error:
        expected = f"{flag}: expected a file to write to, got '{path}'"
        print(as_typed(f"python -m load compare: {expected}: {error.strerror}"), file=sys.stderr)
        return False
    return True


_NAMES = frozenset({*DECISIVE, LENGTHS})


def _settings(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(","))
    if unknown := sorted(names - _NAMES):
        raise argparse.ArgumentTypeError(f"expected names of {', '.join(sorted(_NAMES))}, got {unknown[0]!r}")
    return names
