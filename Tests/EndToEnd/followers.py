"""Commands that go on until they are told to end: tail, record."""

import json
import signal
import subprocess
import threading
import time

from commands import environment
from deadline import SECONDS
from processes import BINARY


def interruptible():
    """What a shell runs in the background ignores SIGINT, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Follower:
    """A running `apinatord tail` or `record`, and the lines that it has written so far."""

    def __init__(self, *arguments, daemon=None, prefix=(), **more):
        url = ["--url", getattr(daemon, "address", None) or daemon.url] if daemon else []
        self.process = subprocess.Popen(
            [*prefix, BINARY, *map(str, arguments), *url], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(**more), preexec_fn=interruptible)  # fmt: skip
        self.lines, self.messages = [], []
        self._taken = 0
        self._changed = threading.Condition()
        self._open = 2
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.messages))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, lines):
        for line in stream:
            with self._changed:
                lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def error(self):
        return b"".join(self.messages).decode()

    def until(self, wanted, seconds=SECONDS):
        """The lines that were not taken yet, up to the first in which `wanted` is."""
        wanted = wanted.encode()
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                for index in range(self._taken, len(self.lines)):
                    if wanted in self.lines[index]:
                        found = self.lines[self._taken : index + 1]
                        self._taken = index + 1
                        return [line.decode() for line in found]
                rest = end - time.monotonic()
                assert self._open, f"ended with {self.process.wait()}, without {wanted}: {self.lines} {self.messages}"
                assert rest > 0, f"no {wanted} in {self.lines[self._taken :]}; {self.error}"
                self._changed.wait(rest)

    def says(self, message, count=1, seconds=SECONDS):
        """Waits until standard error has `message` so many times."""
        end = time.monotonic() + seconds
        with self._changed:
            while self.error.count(message) < count:
                rest = end - time.monotonic()
                assert rest > 0 and self._open, f"no {message!r} ×{count}: {self.error}"
                self._changed.wait(rest)

    def end(self, number=signal.SIGINT):
        """Ends it with a signal and returns its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds=SECONDS):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        for thread in self._threads:
            thread.join(seconds)
        return status

    @property
    def events(self):
        """What it wrote, as JSON."""
        return [json.loads(line) for line in list(self.lines)]
