"""Small images as data URIs, each another one, so that no cache of the server knows it."""

from __future__ import annotations

import base64
import random
import struct
import zlib

SIDE_PIXELS = 64

_COLORS = 2
"""PNG's colour type of three samples a pixel; source: PNG specification, section 11.2.1."""


def png_data_uri(chance: random.Random, side: int = SIDE_PIXELS) -> str:
    """A PNG of coloured noise, `side` pixels high and wide, as `data:image/png;base64,...`."""
    rows = b"".join(b"\0" + chance.randbytes(3 * side) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, _COLORS, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _part(b"IHDR", header) + _part(b"IDAT", zlib.compress(rows)) + _part(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _part(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
