"""What Locust's web page shows of a run besides its own: a tab, a live page, its figures as JSON and for Prometheus.

All of it lies behind the login of Locust's page, where there is one. No key is in any of it: what is shown is what
summary.json says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, request
from locust.argument_parser import ui_extra_args_dict
from locust.web import WebUI

from mixtral_contract.load.locust_plugin.web import guard
from mixtral_contract.load.report.html_report import templates
from mixtral_contract.load.results.live import rows
from mixtral_contract.load.results.prometheus import CONTENT_TYPE, exposition

PAGE = "/llm"
FIGURES = "/llm/figures.json"
METRICS = "/llm/metrics"
_KEY = "llm"
_FRESH_S = 1.0
"""For so long an answer serves whoever asks: to look at a run must not cost it much."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "frame-ancestors 'self'"
)
_OF_A_START = ("user_count", "spawn_rate", "host", "run_time", "user_classes", "shape_class", "profile")
"""The fields of Locust's own form."""

_COLUMNS = {
    "figure": "Figure",
    "p50": "p50 or value",
    "p90": "p90",
    "p99": "p99",
    "mean": "mean",
    "max": "max",
    "n": "samples",
}


def add_pages(web_ui: WebUI, look: Callable[[], dict[str, Any]]) -> None:
    """Adds all of it to Locust's page, before that is served; `look` gives the document of `_live`."""
    app, options = web_ui.app, web_ui.environment.parsed_options
    assert app is not None
    base = (options and options.web_base_path) or ""
    _guard(web_ui, base)
    look = _remembering(look)
    page = templates().get_template("_live.html").render()
    views: Mapping[str, Callable[[], Response]] = {
        PAGE: lambda: _answer(page, "text/html; charset=utf-8"),
        FIGURES: lambda: _answer(json.dumps(look()), "application/json"),
        METRICS: lambda: _answer(exposition(look()), CONTENT_TYPE),
    }
    for path, view in views.items():
        guarded = web_ui.auth_required_if_enabled(view)  # type: ignore[no-untyped-call]
        app.add_url_rule(base + path, endpoint=path.replace("/", "_").replace(".", "_"), view_func=guarded)
    web_ui.template_args.update(
        extended_tabs=[{"title": "LLM", "key": _KEY}],
        extended_tables=[{"key": _KEY, "structure": [{"key": key, "title": title} for key, title in _COLUMNS.items()]}],
        extended_csv_files=[{"href": base + PAGE, "title": "LLM figures, live page"}],
    )

    def add_figures(response: Response) -> Response:
        """Feeds the tab; Locust's page asks for the statistics every two seconds."""
        if request.path == f"{base}/stats/requests" and response.status_code == HTTPStatus.OK and response.is_json:
            statistics = response.get_json()
            statistics["extended_stats"] = [{"key": _KEY, "data": list(rows(look()))}]
            response.set_data(json.dumps(statistics))
        return response

    app.after_request(add_figures)


def _guard(web_ui: WebUI, base: str) -> None:
    """Lets no page of another origin ask, and none set what is the command line's alone."""
    options = web_ui.environment.parsed_options
    web_host = getattr(options, "web_host", "") or ""
    names = {web_host} if guard.is_for_this_machine(web_host) else None
    pages = (f"{base}/", base or "/", f"{base}{PAGE}")
    settable = {*_OF_A_START, *ui_extra_args_dict()}

    def refuse_others() -> Response | None:
        reason = guard.refusal(request.headers, method=request.method, path=request.path, pages=pages, names=names)
        if reason is None and request.path == f"{base}/swarm" and (unknown := sorted(request.form.keys() - settable)):
            reason = f"swarm: expected fields of this page, got {', '.join(unknown)}"
        return None if reason is None else Response(f"{reason}\n", HTTPStatus.FORBIDDEN, content_type="text/plain")

    assert web_ui.app is not None
    web_ui.app.before_request(refuse_others)


def _answer(text: str, content_type: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(text, content_type=content_type, headers=headers)


def _remembering(look: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The document, made anew when it is older than a second."""
    seen: Mapping[str, Any] = {}
    seen_s = float("-inf")

    def remembered() -> dict[str, Any]:
        nonlocal seen, seen_s
        if time.monotonic() - seen_s > _FRESH_S:
            seen, seen_s = look(), time.monotonic()
        return dict(seen)

    return remembered
