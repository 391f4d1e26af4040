"""Waiting for something, and never for ever."""

import os
import time

# A sanitizer makes everything several times slower.
SECONDS = 50.0 if os.environ.get("APINATORD_SANITIZER") else 10.0


def poll(condition, seconds=SECONDS, what=None):
    """Calls `condition` until what it returns is true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or condition.__name__} (last: {value!r})")
        time.sleep(0.01)
