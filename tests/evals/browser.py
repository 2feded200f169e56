"""A real browser without a window, spoken to over a pipe in its own protocol."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

_NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
_LIMIT_S = 60.0


def find_browser() -> str:
    """The program of a browser; `make test` installs one."""
    for name in _NAMES:
        if (found := shutil.which(name)) is not None:
            return found
    raise FileNotFoundError("no browser is installed. On Debian: apt-get install chromium-headless-shell")


class Browser:
    """One page of a browser, used as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._session = ""
        self._rest = b""
        self.messages: list[str] = []
        """What the page wrote to its console, and errors that it did not catch."""

    def __enter__(self) -> Browser:
        theirs, self._write = os.pipe()
        self._read, back = os.pipe()
        # The browser reads from 3 and writes to 4; what is copied there must stand elsewhere before.
        ends = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (theirs, back)]
        flags = ["--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [find_browser(), *flags, f"--user-data-dir={self._folder}"],
            preexec_fn=lambda: [os.dup2(end, at) for end, at in zip(ends, (3, 4), strict=True)],
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for each in (theirs, back, *ends):
            os.close(each)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(self, file: Path, address: str = "") -> None:
        """Show a file, and wait until its scripts have run."""
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=f"{file.as_uri()}{address}")
        ends = time.monotonic() + _LIMIT_S
        while self.value("document.readyState !== 'complete' || !location.href.startsWith('file')"):
            assert time.monotonic() < ends, "the page does not load"

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives on the page."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that a selector finds."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        made: list[str] = self.value(f"{found}.map((each) => each.innerText)")
        return made

    def choose(self, name: str, value: str) -> None:
        """Fill a field of the filters, as a person would."""
        self.value(
            f"(() => {{ const field = document.getElementById({json.dumps(name)}); field.value = "
            f"{json.dumps(value)}; field.dispatchEvent(new Event('input')); }})()"
        )

    def click(self, selector: str) -> None:
        """Click the first element that a selector finds."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def _call(self, method: str, **params: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        match told.get("method"):
            case "Runtime.exceptionThrown":
                self.messages.append(str(told["params"]["exceptionDetails"]))
            case "Log.entryAdded":
                self.messages.append(told["params"]["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.messages.append(str(told["params"]["args"]))
            case "Network.requestWillBeSent":
                url = told["params"]["request"]["url"]
                if not url.startswith(("file:", "about:")):
                    self.messages.append(f"asked for {url}")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read, 1 << 20)
            assert more, "the browser is gone"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        made: dict[str, Any] = json.loads(message)
        return made
