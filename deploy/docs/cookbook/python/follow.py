#!/usr/bin/env python3
"""Follows a channel, and goes on where it was when the connection breaks. Standard library only.

    python3 follow.py presence-x
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

BASE = os.environ.get("APINATORD_URL", "http://localhost:8787")
TOKEN = os.environ.get("APINATORD_TOKEN")
SILENCE = 40  # seconds; the bridge sends something every 15


def get(path, fields={}):
    request = urllib.request.Request(BASE + path, headers=fields)
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    return urllib.request.urlopen(request, timeout=SILENCE)


def read_state(channel):
    """Reads what the events change: from your database or API. Here it is what the bridge knows of the channel."""
    with get(f"/channels/{channel}") as answer:
        print("state", json.load(answer)["last_event_id"], flush=True)


def handle(channel, name, data):
    if name == "bridge:gap":  # events may be missing here
        print("gap", data["reason"], flush=True)
        read_state(channel)
    elif name == "realtime:subscription_succeeded":  # from here on all of them come
        read_state(channel)
    elif not name.startswith(("bridge:", "realtime:")) and name != "state_change":
        print(name, json.dumps(data), flush=True)


def follow(channel):
    fields = {"Accept": "application/x-ndjson"}
    while True:
        try:
            with get(f"/channels/{channel}/events", fields) as stream:
                for line in stream:
                    if not line.strip():
                        continue  # the stream is alive
                    event = json.loads(line)
                    handle(channel, event["event"], event["data"])
                    # Only now: what could not be handled comes again.
                    if "id" in event:
                        fields["Last-Event-ID"] = event["id"]
        except urllib.error.HTTPError as error:
            if error.code < 500:  # it will not be better next time
                sys.exit(f"{error.code}: {json.load(error)['detail']}")
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            print(f"lost the stream: {error}", file=sys.stderr)
        time.sleep(2)


follow(sys.argv[1])
