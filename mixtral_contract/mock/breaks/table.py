"""The table of all breaks: clause id to what makes the mock violate that clause and, as far as can be, no other."""

from __future__ import annotations

from collections.abc import Mapping

from mixtral_contract.mock.breaks.answers import ANSWERS
from mixtral_contract.mock.breaks.bodies import BODIES
from mixtral_contract.mock.breaks.broken_service import Factory
from mixtral_contract.mock.breaks.features import DEMANDS
from mixtral_contract.mock.breaks.headers import REQUESTS
from mixtral_contract.mock.breaks.refusals import REFUSALS
from mixtral_contract.mock.breaks.streams import STREAMS

BREAKS: Mapping[str, Factory] = {**REQUESTS, **BODIES, **REFUSALS, **ANSWERS, **STREAMS, **DEMANDS}
