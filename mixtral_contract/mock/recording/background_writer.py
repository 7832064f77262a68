"""What a relay hears goes into a cassette: without keys, in a thread of its own, in the order in which it ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from mixtral_contract.cassettes import redaction
from mixtral_contract.cassettes.exchange import Recorded
from mixtral_contract.mock.recording.cassette_file import CassetteFile


class Recording:
    """One cassette that is being recorded; an exchange that cannot be written is told of, and the relay goes on."""

    def __init__(self, file: CassetteFile, tell: Callable[[str], None]) -> None:
        self._file = file
        self._tell = tell
        self._writing = ThreadPoolExecutor(1, "recording")

    def keep(self, recorded: Recorded) -> None:
        """Writes the exchange soon; the caller waits for nothing."""
        self._writing.submit(self._write, recorded)

    def close(self) -> None:
        """Returns when everything is written."""
        self._writing.shutdown()
        self._file.close()

    def _write(self, recorded: Recorded) -> None:
        request, answer = redaction.redacted(recorded.request, recorded.answer)
        try:
            self._file.append(replace(recorded, request=request, answer=answer))
        except OSError as error:
            self._tell(f"{request.method} {request.path}: not recorded: {error}")
