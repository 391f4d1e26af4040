#!/bin/bash
# Says hello to everybody on a presence channel, and lists them. Needs curl and jq.
#
#     ./hello.sh presence-x "good morning"
set -euo pipefail
url=${APINATORD_URL:-http://localhost:8787}
channel=$1 text=$2

# Prints the answer; of an error its code and what to do. The token goes through a file descriptor, out of sight of ps.
bridge() {
  local answer
  answer=$(curl --silent --show-error --fail-with-body \
    -H @<(printf '%s' "${APINATORD_TOKEN:+Authorization: Bearer $APINATORD_TOKEN}") "$@") ||
    { jq -r '"\(.code): \(.detail)"' <<<"$answer" >&2 && exit 1; }
  printf '%s\n' "$answer"
}

event=$(jq -n --arg text "$text" '{event: "client-hello", data: {$text}}')
bridge "$url/channels/$channel/events" -d "$event" >/dev/null
bridge "$url/channels/$channel/members" | jq -r '.members[] | "\(.user_id) \(.user_info.name // "")"'
