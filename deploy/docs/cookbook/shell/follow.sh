#!/bin/bash
# Follows a channel, and goes on where it was when the connection breaks. Needs curl and jq.
#
#     ./follow.sh presence-x
set -euo pipefail
url=${APINATORD_URL:-http://localhost:8787}
channel=$1

# The token goes through a file descriptor: arguments are for everybody to see in ps.
bridge() {
  curl --silent --show-error --fail -H @<(printf '%s' "${APINATORD_TOKEN:+Authorization: Bearer $APINATORD_TOKEN}") "$@"
}

# Reads what the events change: from your database or API. Here it is what the bridge knows of the channel.
read_state() {
  bridge "$url/channels/$channel" | jq -r '"state \(.last_event_id)"'
}

handle() {
  local event=$1 data=$2
  case $event in
    bridge:gap) # events may be missing here
      echo "gap $(jq -r .reason <<<"$data")"
      read_state
      ;;
    realtime:subscription_succeeded) read_state ;; # from here on all of them come
    bridge:* | realtime:* | state_change) ;;
    *) printf '%s %s\n' "$event" "$data" ;;
  esac
}

# One line for each event: id or "-", name, data; tabs in between, which JSON has none of.
events() {
  bridge -N -H 'Accept: application/x-ndjson' ${last_id:+-H "Last-Event-ID: $last_id"} "$url/channels/$channel/events" |
    jq --unbuffered -r '"\(.id // "-")\t\(.event)\t\(.data | tojson)"'
}

last_id=
while :; do
  while IFS=$'\t' read -r id event data; do
    handle "$event" "$data" || break
    [ "$id" = - ] || last_id=$id # only now: what could not be handled comes again
  done < <(events || true)
  sleep 2
done
