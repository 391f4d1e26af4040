#!/usr/bin/env python3
"""Tests a program with real traffic that was recorded once: no account, no internet, the same events each time.

    apinatord record private-orders --count 4 --output orders.ndjson     # where the traffic is
    python3 test_worker.py                                               # anywhere
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent
APINATORD = os.environ.get("APINATORD_BINARY", "apinatord")
CONFIGURATION = """
listen = ["127.0.0.1:0"]

[[app]]
app_key = "sandbox-key"
url = "ws://{address}"
auth_endpoint = "http://{address}/auth"
"""


@contextlib.contextmanager
def running(*command, until=None, **options):
    """A program that ends with the block. Yields it, and the entry of its log that has the message `until`."""
    stream = "stderr" if until else "stdout"
    with subprocess.Popen(command, **{stream: subprocess.PIPE}, **options) as process:
        try:
            entry = None
            while until:
                # The log is JSON lines when it is neither a terminal nor the journal.
                entry = json.loads(process.stderr.readline())
                if entry["message"] == until:
                    break
            yield process, entry
        finally:
            process.terminate()


class WorkerTest(unittest.TestCase):
    def test_orders_come_in_order(self):
        recording = HERE / "orders.ndjson"
        with contextlib.ExitStack() as stack:
            sandbox = [APINATORD, "sandbox", "--port", "0", "--replay", recording, "--speed", "10"]
            _, entry = stack.enter_context(running(*sandbox, until="sandbox listening"))
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            file = Path(folder, "apinatord.toml")
            file.write_text(CONFIGURATION.format(address=entry["address"]))
            _, entry = stack.enter_context(running(APINATORD, "serve", "--config", file, until="listening"))
            # Nothing is played before somebody reads the channel.
            worker = [sys.executable, HERE.parent / "python/follow.py", "private-orders"]
            environment = {**os.environ, "APINATORD_URL": f"http://{entry['address']}"}
            process, _ = stack.enter_context(running(*worker, text=True, env=environment))
            said = []
            while len(said) < 4:
                line = process.stdout.readline()
                if not line.startswith("state "):
                    said.append(line.split(" ")[0])
        self.assertEqual(said, ["order-placed", "order-paid", "order-placed", "order-cancelled"])


if __name__ == "__main__":
    unittest.main()
