#!/usr/bin/env python3
"""Follows a channel, and goes on where it was when the connection breaks. With httpx and httpx-sse.

    pip install httpx-sse
    python3 follow_httpx.py presence-x
"""

import os
import sys
import time

import httpx
from httpx_sse import SSEError, connect_sse

BASE = os.environ.get("APINATORD_URL", "http://localhost:8787")
TOKEN = os.environ.get("APINATORD_TOKEN")
SILENCE = 40  # seconds; the bridge sends something every 15


def read_state(client, channel):
    """Reads what the events change: from your database or API. Here it is what the bridge knows of the channel."""
    answer = client.get(f"/channels/{channel}").raise_for_status()
    print("state", answer.json()["last_event_id"], flush=True)


def handle(client, channel, event):
    if event.event == "bridge:gap":  # events may be missing here
        print("gap", event.json()["reason"], flush=True)
        read_state(client, channel)
    elif event.event == "realtime:subscription_succeeded":  # from here on all of them come
        read_state(client, channel)
    elif not event.event.startswith(("bridge:", "realtime:")) and event.event != "state_change":
        print(event.event, event.data, flush=True)


def follow(client, channel):
    fields, wait = {}, 2
    while True:
        try:
            with connect_sse(client, "GET", f"/channels/{channel}/events", headers=fields) as source:
                answer = source.response
                if answer.is_client_error:  # it will not be better next time
                    answer.read()
                    sys.exit(f"{answer.status_code}: {answer.json()['detail']}")
                answer.raise_for_status()
                for event in source.iter_sse():
                    if not event.data:
                        continue  # the stream is alive: httpx-sse makes an event of the bridge's comments
                    handle(client, channel, event)
                    # Only now: what could not be handled comes again.
                    if event.id:
                        fields["Last-Event-ID"] = event.id
                    if event.retry:
                        wait = event.retry / 1000
        except (httpx.HTTPError, SSEError) as error:
            print(f"lost the stream: {error}", file=sys.stderr)
        time.sleep(wait)


headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
with httpx.Client(base_url=BASE, headers=headers, timeout=httpx.Timeout(10, read=SILENCE)) as client:
    follow(client, sys.argv[1])
