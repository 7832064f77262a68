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
from locust.web import WebUI

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
