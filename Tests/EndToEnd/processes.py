"""The real binary as a process: the daemon, and the sandbox that stands for Apinator."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx
from apinator import Apinator

from deadline import SECONDS, poll
from streams import Stream

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("APINATORD_BINARY") or str(ROOT / ".build/release/apinatord")

# A sanitizer keeps what is freed, and takes memory of its own.
IS_MEMORY_JUDGED = not os.environ.get("APINATORD_SANITIZER")

APP_ID, KEY, SECRET = "sandbox", "sandbox-key", "sandbox-secret"


class Program:
    """A running apinatord. Its log is JSON lines on standard error, gathered by a thread."""

    def __init__(self, arguments, environment=None, prefix=(), binary=BINARY, pass_fds=()):
        clean = {name: value for name, value in os.environ.items() if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
        self.process = subprocess.Popen(
            [*prefix, binary, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**clean, **(environment or {})},
            pass_fds=pass_fds,
        )
        self.lines = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode())
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def entries(self):
        """The lines of the log that are JSON, parsed."""
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]

    @property
    def log(self):
        return "".join(self.lines)

    def wait_for_entry(self, message, seconds=SECONDS, count=1, **fields):
        """The first `count` entries of the log with that message."""

        def found():
            entries = [e for e in self.entries if e["message"] == message]
            entries = [e for e in entries if all(e.get(name) == value for name, value in fields.items())]
            return entries if len(entries) >= count else None

        end = time.monotonic() + seconds
        with self._changed:
            while not (entries := found()):
                assert not self._ended, f"ended with {self.process.wait()}:\n{self.log}"
                assert time.monotonic() < end, f"no {message!r} within {seconds} s:\n{self.log}"
                self._changed.wait(0.1)
        return entries

    def memory_kib(self, field="VmRSS"):
        """A field of `/proc/PID/status`, resident memory by default."""
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=SECONDS):
        status = self.process.wait(seconds)
        self._reader.join(seconds)
        return status

    def stop(self, seconds=SECONDS):
        """Ends the process and returns how it ended."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise

    def kill(self):
        self.process.kill()
        self.wait()


class Sandbox(Program):
    """`apinatord sandbox`: the upstream of the tests."""

    def __init__(self, port=0, quiet=True, arguments=()):
        super().__init__(["sandbox", "--port", str(port), *(["--quiet"] if quiet else []), *arguments])
        address = self.wait_for_entry("sandbox listening")[0]["address"]
        self.port = int(address.rsplit(":", 1)[1])

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    def server(self, secret=SECRET):
        """The official server SDK, pointed here."""
        client = Apinator(app_id=APP_ID, key=KEY, secret=secret, cluster="eu")
        client.host = self.http
        return client

    def publish(self, channel, event, data):
        self.server().trigger(event, data, channel=channel)


class Daemon(Program):
    """`apinatord serve` with a configuration of its own on a free port."""

    def __init__(self, configuration, arguments=(), environment=None, seconds=SECONDS, **options):
        self.folder = tempfile.TemporaryDirectory(prefix="apinatord-test-")
        self.configuration = Path(self.folder.name) / "apinatord.toml"
        self.configuration.write_text(configuration)
        super().__init__(["serve", "--config", str(self.configuration), *arguments], environment, **options)
        self.wait_for_entry("ready", seconds)
        self.addresses = [entry["address"] for entry in self.entries if entry["message"] == "listening"]
        tcp = [address for address in self.addresses if ":" in address and not address.startswith("unix:")]
        self.port = int(tcp[0].rsplit(":", 1)[1]) if tcp else None
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=SECONDS, trust_env=False)
        self._streams = []

    def get(self, path, **options):
        return self.client.get(path, **options)

    def post(self, path, **options):
        return self.client.post(path, **options)

    def put(self, path, **options):
        return self.client.put(path, **options)

    def delete(self, path, **options):
        return self.client.delete(path, **options)

    def trigger(self, channel, event, data, **options):
        return self.post(f"/channels/{channel}/events", json={"event": event, "data": data}, **options)

    def stream(self, path, headers=(), version="1.1", unix=None):
        stream = Stream(unix or ("127.0.0.1", self.port), path, headers, version)
        self._streams.append(stream)
        return stream

    def events(self, channel, query="", headers=(), **options):
        """A stream of the channel's events that is open: its first frame was read."""
        stream = self.stream(f"/channels/{channel}/events{query}", headers, **options)
        assert stream.status == 200, stream.text()
        return stream

    def subscribed(self, channel, query="", headers=(), **options):
        """A stream of the channel's events, from when the subscription is confirmed."""
        stream = self.events(channel, query, headers, **options)
        stream.until("realtime:subscription_succeeded")
        return stream

    def connection(self, prefix=""):
        return self.get(f"{prefix}/connection").json()

    def wait_for_state(self, state, seconds=SECONDS, prefix=""):
        def reached():
            connection = self.connection(prefix)
            return connection if connection["state"] == state else None

        return poll(reached, seconds, f"state {state}: {self.log}")

    def channel(self, name):
        return self.get(f"/channels/{name}").json()

    def close_streams(self):
        for stream in self._streams:
            stream.close()
        self._streams = []

    def stop(self, seconds=SECONDS):
        self.close_streams()
        self.client.close()
        try:
            return super().stop(seconds)
        finally:
            self.folder.cleanup()


def configuration(sandbox, app="", limits="", top="", rest="", auth=True):
    """A configuration with one app that is connected to `sandbox`; `app`, `limits` and so on are further lines."""
    endpoint = f'auth_endpoint = "{sandbox.http}/auth"' if auth else ""
    return f"""\
listen = ["127.0.0.1:0"]
{top}
[limits]
{limits}
[[app]]
app_key = "{KEY}"
url = "{sandbox.url}"
{endpoint}
{app}
{rest}
"""
