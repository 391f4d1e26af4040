"""The commands that call a running daemon, as a person or a script runs them."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from processes import BINARY

SECONDS = 30
# A configuration that is not there: nothing of this machine's is found by accident, but the usual places are.
NOWHERE = "/nonexistent/apinatord.toml"


def environment(**more):
    """That of a command, with nothing of the caller's own in it but where programs are."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("APINATORD_")}
    for name in ("NO_COLOR", "TERM", "COLUMNS"):
        clean.pop(name, None)
    return {**clean, "TERM": "xterm-256color", "APINATORD_CONFIG": NOWHERE, **more}


def call(*arguments, stdin=None, **more):
    """Runs the command; what it says is bytes, so that each of them can be looked at."""
    options = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, timeout=SECONDS, env=environment(**more), **options)  # fmt: skip


def said(done, status=0):
    """What a command that ended with `status` wrote to standard output; else to standard error."""
    assert done.returncode == status, f"{done.returncode}: {done.stdout.decode()}{done.stderr.decode()}"
    return (done.stderr if status else done.stdout).decode()


def on_terminal(*arguments, columns=80, **more):
    """Runs the command with a terminal for standard output: its status, and what the terminal was sent."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        process = subprocess.Popen(
            [BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
            env=environment(**more))  # fmt: skip
    finally:
        os.close(slave)
    sent = b""
    try:
        while piece := os.read(master, 65536):
            sent += piece
    except OSError:  # EIO: the last who had the other end has closed it.
        pass
    finally:
        os.close(master)
        status = process.wait(SECONDS)
    return status, sent


SGR = re.compile(rb"\x1b\[[0-9;]*m")


def hazards(sent):
    """What of the bytes would steer a terminal, but for line ends and our own colours."""
    text = SGR.sub(b"", sent).replace(b"\r\n", b"\n").decode()
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)


def examples(text):
    """The commands that a help shows: lines indented by two, below a line that ends with a colon."""
    found, inside = [], False
    for line in text.splitlines():
        if line.startswith("  ") and inside:
            found.append(line.strip())
        else:
            inside = line.startswith("Example") and line.endswith(":")
    return found
