"""The table of all breaks: clause id to what makes the mock violate that clause and, as far as can be, no other."""

from __future__ import annotations

from collections.abc import Mapping

from mock_server.breaks_answers import ANSWERS
from mock_server.breaks_bodies import BODIES
from mock_server.breaks_demands import DEMANDS
from mock_server.breaks_refusals import REFUSALS
from mock_server.breaks_requests import REQUESTS
from mock_server.breaks_streams import STREAMS
from mock_server.broken import Factory

BREAKS: Mapping[str, Factory] = {**REQUESTS, **BODIES, **REFUSALS, **ANSWERS, **STREAMS, **DEMANDS}
