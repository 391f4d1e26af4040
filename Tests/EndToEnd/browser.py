"""Chromium without a window, over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import websockets.sync.client

from deadline import SECONDS, poll

PROGRAM = shutil.which("chromium")

FLAGS = [
    "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--no-first-run", "--no-default-browser-check",
    "--no-proxy-server", "--remote-debugging-port=0",
    # There is no internet, and a name of an attacker's leads here.
    "--host-resolver-rules=MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]  # fmt: skip


class Browser:
    """A browser with a profile that ends with it."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="apinatord-chromium-", ignore_cleanup_errors=True)
        # Its own sandbox wants to be started by somebody who is not root.
        flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        self.process = subprocess.Popen(
            [PROGRAM, *flags, f"--user-data-dir={self.profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)  # fmt: skip
        try:
            port_file = Path(self.profile.name, "DevToolsActivePort")
            lines = poll(lambda: port_file.exists() and port_file.read_text().splitlines(), 60, "Chromium's port")
            self._stack = contextlib.ExitStack()
            address = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            connecting = websockets.sync.client.connect(address, proxy=None, max_size=None, open_timeout=SECONDS)
            self._socket = self._stack.enter_context(connecting)
        except BaseException:
            self.process.kill()
            raise
        self._numbers = itertools.count(1)
        self._events = []

    def call(self, method, session=None, seconds=SECONDS, **parameters):
        """Calls a method and returns its result; what is told meanwhile is kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        end = time.monotonic() + seconds
        while True:
            answer = json.loads(self._socket.recv(timeout=max(0.01, end - time.monotonic())))
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer}"
                return answer["result"]
            self._events.append(answer)

    def events(self, session):
        """What was told about a page so far: method and parameters."""
        return [(e["method"], e["params"]) for e in self._events if e.get("sessionId") == session]

    def page(self, url, script=""):
        return Page(self, url, script)

    def close(self):
        try:
            self.call("Browser.close")
            self._stack.close()
            self.process.wait(SECONDS)
        except (OSError, TimeoutError, subprocess.TimeoutExpired, websockets.exceptions.WebSocketException):
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()


# What the DevTools protocol has to be told about a key: its code, and what it enters.
KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "), "ArrowUp": (38, ""), "ArrowDown": (40, ""),
}  # fmt: skip


class Page:
    """A tab, loaded; `script` runs in it before anything of the page's own."""

    def __init__(self, browser, url, script=""):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        if script:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def call(self, method, seconds=SECONDS, **parameters):
        return self.browser.call(method, self.session, seconds, **parameters)

    def evaluate(self, script, seconds=SECONDS):
        """The value of an expression, once it is there when it is a promise."""
        result = self.call("Runtime.evaluate", seconds, expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script, seconds=SECONDS):
        """Waits until an expression is true, and returns its value."""
        return poll(lambda: self.evaluate(script, seconds), seconds, script)

    def press(self, key, shift=False):
        """Presses a key and lets it go."""
        code, text = KEYS[key]
        fields = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code,
                  "modifiers": 8 if shift else 0}  # fmt: skip
        self.call("Input.dispatchKeyEvent", type="keyDown", **fields, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **fields)

    def type(self, text):
        """Enters text where the focus is."""
        self.call("Input.insertText", text=text)

    @property
    def errors(self):
        """What a console would show in red."""
        found = []
        for method, event in self.browser.events(self.session):
            if method == "Runtime.exceptionThrown":
                found.append(event["exceptionDetails"]["text"])
            elif method == "Log.entryAdded" and event["entry"]["level"] in ("error", "warning"):
                found.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
            elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "warning"):
                found.append(str(event["args"]))
        return found

    @property
    def requests(self):
        """The addresses that were asked for."""
        events = self.browser.events(self.session)
        return [e["request"]["url"] for method, e in events if method == "Network.requestWillBeSent"]

    def prefer(self, **features):
        """What the person prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        features = [{"name": f"prefers-{n.replace('_', '-')}", "value": value} for n, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def resize(self, width, height):
        """Makes the window that large, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)

    def screenshot(self, file, dark=False):
        self.prefer(color_scheme="dark" if dark else "light")
        Path(file).write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
