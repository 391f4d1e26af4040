#!/usr/bin/env python3
"""Says hello to everybody on a presence channel, and lists them. Standard library only.

    python3 hello.py presence-x "good morning"
"""

import json
import os
import sys
import urllib.error
import urllib.request

BASE = os.environ.get("APINATORD_URL", "http://localhost:8787")
TOKEN = os.environ.get("APINATORD_TOKEN")


def call(path, data=None):
    """GET, or POST of data that becomes JSON; returns the answer's JSON."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(BASE + path, body)
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


channel, text = sys.argv[1:]
try:
    call(f"/channels/{channel}/events", {"event": "client-hello", "data": {"text": text}})
    for member in call(f"/channels/{channel}/members")["members"]:
        print(member["user_id"], member["user_info"].get("name", ""))
except urllib.error.HTTPError as error:
    problem = json.load(error)
    sys.exit(f"{problem['code']}: {problem['detail']}")
