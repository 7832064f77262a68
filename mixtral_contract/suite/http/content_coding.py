"""Takes a content coding off a body as it arrives, in bounded pieces: a few bytes can stand for gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PIECE_BYTES = 65_536
_CODINGS = ("gzip", "x-gzip", "deflate")
"""Those that gateways add, some of them without being asked."""


class ContentDecoder:
    """Decodes a body under the Content-Encoding of its head; one that it does not know it leaves as it is."""

    def __init__(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        said = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
        self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB) if said in _CODINGS else None

    def decode(self, content: bytes) -> Iterator[bytes]:
        """What the content stands for, in pieces of 64 KiB at most; content that is not so coded as it is."""
        while self._decoder is not None:
            try:
                piece = self._decoder.decompress(content, _PIECE_BYTES)
            except zlib.error:
                break
            content = self._decoder.unconsumed_tail
            if piece:
                yield piece
            # a full piece may leave more within the decoder, with all of the content read
            if not content and len(piece) < _PIECE_BYTES:
                return
        yield content
