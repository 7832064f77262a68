"""A real browser, driven over a pipe by the DevTools protocol: what it shows is what people see.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT_S = 60.0
"""How long anything in the browser may take on a busy machine."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def executable() -> str | None:
    """The browser of this machine; None when it has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Page:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; a promise's when it is kept."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """The value of an expression once it is true; AssertionError when it never is."""
        end = time.monotonic() + LIMIT_S
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """Clicks the middle of an element, as a mouse does: what lies over it is hit instead."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"{element} !== null")
        box = self.evaluate(
            f"(() => {{ {element}.scrollIntoView({{block: 'center'}}); const box = {element}.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Types where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Presses a key, by its name and its number."""
        text = "\r" if key == "Enter" else " " if key == " " else None
        typed = {} if text is None else {"text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def resize(self, width: int, height: int) -> None:
        """Makes the window another size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command."""
        return self._browser.call(method, session=self._session, **parameters)

    @property
    def complaints(self) -> list[str]:
        """What the page threw, and what the browser logged of it as an error: refused by a policy, not found."""
        return [text for session, text in self._browser.complaints if session == self._session]


class Browser:
    """A browser that runs until its context ends."""

    def __init__(self, commands_fd: int, answers_fd: int) -> None:
        self._commands_fd = commands_fd
        self._answers_fd = answers_fd
        self._ids = itertools.count(1)
        self._received = b""
        self.complaints: list[tuple[str, str]] = []

    def open(self, url: str) -> Page:
        """A new page; its errors are collected from the beginning."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Runtime", "Log", "Page"):
            page.call(f"{domain}.enable")
        page.call("Page.navigate", url=url)
        return page

    def call(self, method: str, *, session: str | None = None, **parameters: Any) -> Any:
        """The result of a command; AssertionError when it is refused or not answered in time."""
        number = next(self._ids)
        command = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._commands_fd, json.dumps(command).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def _receive(self) -> Any:
        while b"\0" not in self._received:
            readable, _, _ = select.select([self._answers_fd], [], [], LIMIT_S)
            assert readable, "the browser does not answer"
            received = os.read(self._answers_fd, 1 << 16)
            assert received, "the browser is gone"
            self._received += received
        first, _, self._received = self._received.partition(b"\0")
        message = json.loads(first)
        self._note(message)
        return message

    def _note(self, message: Any) -> None:
        session, parameters = message.get("sessionId", ""), message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append((session, details.get("exception", details).get("description", details["text"])))
        if message.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append((session, parameters["entry"]["text"]))


@contextlib.contextmanager
def running(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in that folder."""
    (commands, to_browser), (from_browser, answers) = os.pipe(), os.pipe()
    # the protocol wants the pipes at 3 and 4, which only a shell puts there without running code after a fork
    script = 'in=$1 out=$2; shift 2; exec "$@" 3<"/dev/fd/$in" 4>"/dev/fd/$out"'
    command = ["sh", "-c", script, "sh", str(commands), str(answers), program, *_FLAGS, f"--user-data-dir={profile}"]
    with subprocess.Popen(
        command, pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(commands)
        os.close(answers)
        try:
            yield Browser(to_browser, from_browser)
        finally:
            process.terminate()
            os.close(to_browser)
            os.close(from_browser)
