"""HTTPS by flags, with a certificate that is made here."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from tests.mock.conftest import Start
from tests.support import raw_socket as raw
from tests.support.raw_socket import FIN, OPEN, RST

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
MESSAGES: Any = [{"role": "user", "content": "hello"}]
OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs openssl: apt-get install openssl")


@dataclass(frozen=True)
class _Pair:
    certificate: Path
    key: Path

    @property
    def options(self) -> tuple[str, ...]:
        return "--tls-cert", str(self.certificate), "--tls-key", str(self.key)

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)


def _made(folder: Path, name: str, *protection: str) -> _Pair:
    """A self-signed certificate of the loopback and its key."""
    pair = _Pair(folder / f"{name}.pem", folder / f"{name}.key")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    files = ["-keyout", str(pair.key), "-out", str(pair.certificate), "-days", "2"]
    command = ["openssl", "req", "-x509", *curve, *files, *subject, *(protection or ("-nodes",))]
    subprocess.run(command, check=True, capture_output=True, timeout=raw.LIMIT_S)
    return pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> _Pair:
    """A certificate that its key belongs to."""
    return _made(tmp_path_factory.mktemp("tls"), "own")


def test_address__says_https_and_is_served(start: Start, pair: _Pair) -> None:
    """Whole and streamed, to a client that trusts the certificate and no other."""
    address = start(*pair.options)
    assert address.startswith("https://127.0.0.1:")
    for stream in (False, True):
        answer = raw.ask(address, raw.post(stream=stream, max_tokens=5), pair.trusting)
        assert (answer.status, answer.end) == (200, OPEN)
    with pytest.raises(ssl.SSLCertVerificationError):
        raw.ask(address, raw.post(), ssl.create_default_context())


def test_plain_http__gets_no_answer_and_harms_no_one(start: Start, pair: _Pair) -> None:
    """Nor does a client that speaks no TLS at all."""
    address = start(*pair.options)
    for sent in (raw.post(), b"\x16\x03\x01\x00\x05hello", b"\x00" * 100):
        answer = raw.ask(address, sent)
        assert b"HTTP/1.1" not in answer.head
        assert answer.end in {FIN, RST}
    assert raw.ask(address, raw.post(), pair.trusting).status == 200


@pytest.mark.parametrize(
    ("incident", "count", "ends"),
    [
        ("cut:after=3,by=fin", 3, {FIN}),
        ("cut:after=3,by=rst", 3, {RST}),
        ("cut:after=3,by=chunk", 3, {FIN}),
        ("hangup:by=rst", 0, {RST}),
        ("end", 3, {OPEN}),
        ("trickle:size=300,gap_ms=1", 9, {OPEN}),
    ],
)
def test_incident__is_the_same_within_tls(start: Start, pair: _Pair, incident: str, count: int, ends: set[str]) -> None:
    """What left before the end arrives; FIN closes the TLS session first, RST tears the connection down below it."""
    request = raw.post(incident=incident, stream=True, max_tokens=6)
    answer = raw.ask(start(*pair.options), request, pair.trusting)
    assert (len(answer.events), answer.end in ends) == (count, True)


def test_sdk__is_served_and_cut(start: Start, pair: _Pair) -> None:
    """The official client over TLS: an answer, and a stream that is reset."""
    http_client = httpx2.Client(verify=pair.trusting)
    with OpenAI(base_url=f"{start(*pair.options)}/v1", api_key="mock-valid", http_client=http_client) as client:
        completions = client.chat.completions
        assert completions.create(model=MODEL, messages=MESSAGES).choices
        with pytest.raises(openai.APIConnectionError):
            list(
                completions.create(
                    model=MODEL,
                    messages=MESSAGES,
                    stream=True,
                    extra_headers={"X-Mock-Incident": "cut:by=rst"},
                )
            )


def test_refusal_amid_a_request__arrives(start: Start, pair: _Pair) -> None:
    """Though a TLS session cannot be closed on one side only."""
    with raw.connected(start(*pair.options), pair.trusting) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000)
        assert raw.read(connection).status == 413
        assert raw.ended(connection) == FIN


def test_wrong_files__are_one_line_and_exit_2(pair: _Pair, tmp_path: Path) -> None:
    """Missing, no PEM, of another pair, encrypted (no password is asked for), only one of the two."""
    other, locked = _made(tmp_path, "other"), _made(tmp_path, "locked", "-passout", "pass:secret")
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\x00no certificate")
    missing = tmp_path / "missing.pem"
    pairs = [
        (missing, pair.key),
        (pair.certificate, missing),
        (tmp_path, pair.key),
        (garbage, pair.key),
        (pair.certificate, garbage),
        (pair.certificate, other.key),
        (locked.certificate, locked.key),
    ]
    options = [("--tls-cert", str(certificate), "--tls-key", str(key)) for certificate, key in pairs]
    for given in [*options, ("--tls-cert", str(pair.certificate)), ("--tls-key", str(pair.key))]:
        command = [sys.executable, "-m", "mock_server", "--port", "0", *given]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), given
        assert "--tls-cert, --tls-key: " in done.stderr
