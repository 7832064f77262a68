"""The server's side of TLS: a certificate and its key, from files."""

from __future__ import annotations

import ssl
from pathlib import Path


class TlsError(ValueError):
    """The files are no certificate and its key; the message says why in one line."""


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What serves HTTP/1.1 over TLS with these PEM files; the certificate's file may hold its chain.

    Raises: TlsError when they cannot be used, such as a key that is encrypted or belongs to another certificate.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.set_alpn_protocols(["http/1.1"])
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            raise TlsError(f"{path}: expected a file in PEM form, got {error.strerror!r}") from error
    try:
        # without a password OpenSSL would ask for it on the terminal
        made.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        reason = error.reason or str(error)
        raise TlsError(f"{certificate}, {key}: expected a certificate and its own key, got {reason!r}") from error
    return made
