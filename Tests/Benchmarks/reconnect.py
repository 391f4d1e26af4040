#!/usr/bin/env python3
"""How long a reconnect takes with many private channels, over TLS, and what it costs.

Starts the sandbox over TLS and a daemon with pinned private channels, whose auth endpoint is the sandbox's, over https,
and takes a while for each answer. Once all channels are confirmed the sandbox is killed and started again. Told is the
time from the upstream's connection until the last confirmation, how many TLS connections the auth endpoint was asked
over, how many requests were in flight at most, and the daemon's memory and processor time.

    Tests/Benchmarks/reconnect.py --binary .build/release/apinatord --channels 1000

Needs Python 3.9 or later and the openssl command, and nothing else.
"""

import argparse
import asyncio
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time


class Program:
    """A process whose log is JSON lines on standard error."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.entries = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            entry = json.loads(line) if line.startswith("{") else {"message": line.strip()}
            with self._changed:
                self.entries.append(entry)
                self._changed.notify_all()

    def wait_for(self, message, seconds=60):
        def find():
            return next((entry for entry in self.entries if entry["message"] == message), None)

        with self._changed:
            if not self._changed.wait_for(find, seconds):
                raise SystemExit(f"no {message!r} within {seconds} s: {self.entries}")
            return find()

    def port(self, message):
        return int(self.wait_for(message)["address"].rsplit(":", 1)[1])

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(60)
        self._reader.join(60)


class Forwarder:
    """Passes TCP connections on, and counts those that begin a TLS handshake."""

    def __init__(self, port):
        self.port = None
        self.handshakes = 0
        self._target = port
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def _run(self, ready):
        async def serve():
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()

        self._loop.run_until_complete(serve())
        self._loop.run_forever()

    async def _accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return writer.close()
        first = await reader.read(65536)
        # RFC 8446, 5.1: the first record of a connection is a handshake.
        self.handshakes += first[:1] == b"\x16"
        far_writer.write(first)
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    @staticmethod
    async def _pass(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


class Events:
    """The daemon's stream of everything, each event with the time at which it was read."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(
            b"GET /events?event=state_change&event=realtime:subscription_succeeded HTTP/1.0\r\n"
            b"Host: localhost\r\nAccept: application/x-ndjson\r\n\r\n"
        )
        self._lines = self._socket.makefile("rb")
        while self._lines.readline().strip():
            pass

    def _next(self):
        while line := self._lines.readline():
            if line.strip():
                return time.monotonic(), json.loads(line)
        raise SystemExit("the daemon ended its stream")

    def until_connected(self, seconds):
        self._socket.settimeout(seconds)
        while True:
            at, event = self._next()
            if event["event"] == "state_change" and event["data"]["current"] == "connected":
                return at

    def until_confirmed(self, channels, seconds):
        """When half of the channels were confirmed, and when all were."""
        self._socket.settimeout(seconds)
        waiting, half = set(channels), None
        while waiting:
            at, event = self._next()
            if event["event"] == "realtime:subscription_succeeded":
                waiting.discard(event["channel"])
            if half is None and len(waiting) <= len(channels) // 2:
                half = at
        return half, at


class Usage:
    """What a process has used so far."""

    def __init__(self, pid):
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        self.peak_kib = int(status["VmHWM"].split()[0])
        self.resident_kib = int(status["VmRSS"].split()[0])
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        self.cpu_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def forget_peak(pid):
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def make_certificate(folder):
    certificate, key = folder / "sandbox.pem", folder / "sandbox.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    return certificate, key


def post(port, path):
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(f"POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        status = connection.makefile("rb").readline().split()[1]
    if status != b"202":
        raise SystemExit(f"POST {path}: {status.decode()}")


def measure(options, folder, programs):
    certificate, key = make_certificate(folder)

    def start_sandbox(port):
        program = Program(
            *(options.sandbox_binary or options.binary, "sandbox", "--quiet", "--port", str(port)),
            *("--certificate", str(certificate), "--key", str(key), "--auth-delay", options.delay),
        )
        programs.append(program)
        return program, program.port("sandbox listening")

    sandbox, port = start_sandbox(0)
    forwarder = Forwarder(port)
    auth_port = port if options.direct else forwarder.port
    channels = [f"private-{number}" for number in range(options.channels)]
    configuration = folder / "apinatord.toml"
    configuration.write_text(
        f"""listen = ["127.0.0.1:0"]
[log]
format = "json"
[[app]]
app_key = "sandbox-key"
url = "wss://localhost:{port}"
ca_file = "{certificate}"
auth_endpoint = "https://localhost:{auth_port}/auth"
channels = {json.dumps(channels)}
connect = false
"""
    )
    daemon = Program(options.binary, "serve", "--config", str(configuration))
    programs.append(daemon)
    http_port = daemon.port("listening")
    daemon.wait_for("ready")
    events = Events(http_port)
    rows = []

    def follow(name, begin):
        pid = daemon.process.pid
        Usage.forget_peak(pid)
        before, handshakes = Usage(pid), forwarder.handshakes
        begin()
        connected = events.until_connected(options.seconds)
        half, last = events.until_confirmed(channels, options.seconds)
        after = Usage(pid)
        rows.append(
            {
                "what": name,
                "all confirmed, ms": round((last - connected) * 1000),
                "half, ms": round((half - connected) * 1000),
                "TLS handshakes": "-" if options.direct else forwarder.handshakes - handshakes,
                "RSS before, KiB": before.resident_kib,
                "peak, KiB": after.peak_kib,
                "RSS after, KiB": after.resident_kib,
                "CPU, ms": round((after.cpu_seconds - before.cpu_seconds) * 1000),
            }
        )

    follow("first connection", lambda: post(http_port, "/connection/connect"))
    for number in range(options.rounds):

        def restart():
            nonlocal sandbox
            sandbox.end(signal.SIGKILL)
            sandbox, _ = start_sandbox(port)

        follow(f"reconnect {number + 1}", restart)
    sandbox.end()
    stopped = sandbox.wait_for("sandbox stopped")
    return rows, stopped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="apinatord, of a release build")
    parser.add_argument("--sandbox-binary", help="another apinatord for the sandbox, to measure an older daemon")
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--delay", default="5ms", help="how long the auth endpoint takes for each answer")
    parser.add_argument("--rounds", type=int, default=3, help="how often the sandbox is killed")
    parser.add_argument("--seconds", type=float, default=120, help="the longest wait for the next event")
    parser.add_argument("--direct", action="store_true", help="no forwarder that counts connections in between")
    options = parser.parse_args()
    programs = []
    with tempfile.TemporaryDirectory(prefix="reconnect-") as folder:
        try:
            rows, stopped = measure(options, pathlib.Path(folder), programs)
        finally:
            for program in programs:
                program.end()
    print(f"{options.channels} private channels, auth endpoint over https answers after {options.delay}")
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(
        f"last sandbox: {stopped['auth_requests']} auth requests, at most {stopped['auth_in_flight_max']} in flight"
    )


if __name__ == "__main__":
    main()
