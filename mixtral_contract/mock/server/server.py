"""The life of a server: a socket that listens, one process or several that serve on it until a signal."""

from __future__ import annotations

import gc
import signal
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from mixtral_contract.mock.build import Ids
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.primitives.system import event_loop

if TYPE_CHECKING:
    import uvicorn

    from mixtral_contract.mock.recording.asgi_helpers import Application
    from mixtral_contract.mock.server.prefork import Worker

GRACE_S = 5
"""How long replies under way may take to finish after a signal."""

_BACKLOG = 2048
_IDLE_S = 75
"""How long a connection to another application than the mock stays open without a request."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that already listens, so that its port is known and no client comes too early.

    Raises: OSError, UnicodeError when the address cannot be used.
    """
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, number)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen(_BACKLOG)
    return listening


def address(listening: socket.socket, tls: ssl.SSLContext | None) -> str:
    """Where a client finds the server."""
    scheme = "http" if tls is None else "https"
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"


def serve(
    mock: Mock,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
    *,
    started: Callable[[], None],
    worker: Worker | None = None,
) -> None:
    """Serves with this process until a signal; `started` is called before the first client is accepted."""
    from mixtral_contract.mock.http.connection import protocol  # noqa: PLC0415  a wrong command line is told at once

    config = _config(_never_called, tls, http=cast("type[Any]", protocol(mock)))
    _run(config, listening, started, worker)
    mock.journal.stop(mock.clock())


async def _never_called(_scope: Any, _receive: Any, _send: Any) -> None:
    """Stands where uvicorn wants an application: the protocol answers without one."""


def serve_application(
    application: Application, listening: socket.socket, tls: ssl.SSLContext | None, *, started: Callable[[], None]
) -> None:
    """Serves another application than the mock, with this process until a signal; nothing is added to its headers."""
    config = _config(
        application, tls, http="httptools", server_header=False, date_header=False, timeout_keep_alive=_IDLE_S
    )
    _run(config, listening, started, None)


def _config(application: Any, tls: ssl.SSLContext | None, **how: Any) -> uvicorn.Config:
    import uvicorn  # noqa: PLC0415

    return uvicorn.Config(
        application,
        loop=event_loop(),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        **how,
    )


def _run(config: uvicorn.Config, listening: socket.socket, started: Callable[[], None], worker: Worker | None) -> None:
    import uvicorn  # noqa: PLC0415

    server = uvicorn.Server(config) if worker is None else worker.server(config)

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done: that must find us, not the default which kills
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _collect_little()
    started()
    server.run(sockets=[listening])


def serve_together(
    count: int,
    mock: Mock,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
    *,
    new_id: Ids,
    started: Callable[[], None],
    tell: Callable[[str], None],
) -> int:
    """Serves with so many processes until a signal; the exit status.

    `started` is called once all of them serve, `tell` with a line for each that ends unasked.
    """
    from mixtral_contract.mock.http import connection as wire  # noqa: F401, PLC0415  imported once, before the fork
    from mixtral_contract.mock.server import prefork as workers  # noqa: PLC0415  imported once, before the fork

    mock.shared = True

    def work(worker: workers.Worker) -> None:
        new_id.renew()
        serve(mock, worker.listening, tls, started=lambda: None, worker=worker)

    return workers.run(workers.sockets(listening, count, _BACKLOG), work, started=started, tell=tell, grace_s=GRACE_S)


def _collect_little() -> None:
    """Keeps garbage collections from holding up the streams: one that looks through everything takes up to 100 ms.

    What was loaded is not looked through again. What a request leaves is freed by the counting of references; what is
    under way passes through small and frequent collections of the young, and is looked through again every few hundred
    of these only.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 5, 500)
