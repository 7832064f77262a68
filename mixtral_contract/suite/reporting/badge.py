"""A badge: one run in two words, as SVG of our own drawing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_CHARACTER_PX = 6.6
_MARGIN_PX = 8
_COLOURS = {"kept": "#1a7f37", "known": "#9a6700", "broken": "#b3261e", "unknown": "#5b6576"}


def badge(run: Mapping[str, Any]) -> str:
    """The run as SVG: how many clauses are broken, that too little was judged, or that it is kept, and how far.

    "kept" alone says that every verdict of the suite was asked for, and that nothing is broken, accepted or departed
    from; anything less stands beside it.
    """
    broken, known, departed = (_count(run, verdict) for verdict in ("FAIL", "KNOWN", "NON-STRICT"))
    if broken:
        return _draw(f"{broken} broken", _COLOURS["broken"])
    if not run["counts"].get("PASS") or not run.get("judged", {}).get("enough", True):
        return _draw("not judged", _COLOURS["unknown"])
    words = ["kept", *(f"{count} {word}" for count, word in ((known, "known"), (departed, "departed from")) if count)]
    asked = run.get("asked")
    if asked and asked["verdicts"] < asked["of"]:
        words.append(f"{asked['verdicts']} of {asked['of']} asked")
    return _draw(", ".join(words), _COLOURS["known" if known or departed else "kept"])


def _count(run: Mapping[str, Any], verdict: str) -> int:
    return len({entry["clause"] for entry in run["verdicts"] if entry["verdict"] == verdict})


def _draw(said: str, colour: str) -> str:
    name = "contract"
    left, right = (round(len(text) * _CHARACTER_PX) + 2 * _MARGIN_PX for text in (name, said))
    label = escape(f"{name}: {said}")
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" \
aria-label="{label}">
<title>{label}</title>
<clipPath id="round"><rect width="{left + right}" height="20" rx="4"/></clipPath>
<g clip-path="url(#round)"><rect width="{left}" height="20" fill="#3d4552"/><rect x="{left}" width="{right}" \
height="20" fill="{colour}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left / 2}" y="14" textLength="{left - 2 * _MARGIN_PX}">{name}</text>
<text x="{left + right / 2}" y="14" textLength="{right - 2 * _MARGIN_PX}">{escape(said)}</text></g>
</svg>
"""
