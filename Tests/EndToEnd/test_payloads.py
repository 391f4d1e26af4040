"""HTTP contract, section 3: `data` is the inner JSON exactly as it came over the wire."""

import pytest

PAYLOADS = {
    "big integers": '{"n":9223372036854775808,"m":-170141183460469231731687303715884105728}',
    "key order and duplicates": '{"z":1,"a":2,"z":3}',
    "number spelling": "[1.0,1e2,1E+2,-0,0.10,1.7976931348623157e309]",
    "white space": '{ "a" :\t[ 1 , 2 ] }',
    "escapes": r'{"s":"\u00e9\/\"\\\b\f\n\r\t\ud83d\ude00"}',
    "unicode": '{"s":"¯\\\\_(ツ)_/¯ é 😀 \u2028\u2029 \u0085"}',
    "lone surrogate, escaped": r'{"s":"\ud800"}',
    "not JSON": "hello, world",
    "like a field": "data: x",
    "leading space": " {}",
    "colon first": ": no comment",
    "empty object": "{}",
    "literals": "null",
    "html": "<script>alert(1)</script>",
    "nul": "a\x00b",
    "long": '{"s":"' + "é" * 4000 + '"}',
}


# contract: 3.5, 3.6
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_data_is_exactly_as_it_came_over_the_wire(daemon, sandbox, name, payload):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", payload)
    assert stream.until("news").data == payload


# contract: 3.4, 3.35
@pytest.mark.parametrize(
    ("payload", "lines"),
    [
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo", ["one", "two"]),
        ("one\rtwo", ["one", "two"]),
        ("one\n\ntwo\n", ["one", "", "two", ""]),
        ("\r\n\r\n", ["", "", ""]),
        ('{\n  "a": 1\n}', ["{", '  "a": 1', "}"]),
        ("\u2028 and \u0085 are no line ends", ["\u2028 and \u0085 are no line ends"]),
        ("x\n\nevent: forged\ndata: y", ["x", "", "event: forged", "data: y"]),
    ],
)
def test_a_payloads_cr_crlf_and_lf_each_end_a_data_line(daemon, sandbox, name, payload, lines):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", payload)
    assert stream.until("news").data == "\n".join(lines)


# contract: 3.36
def test_a_lone_surrogate_becomes_a_replacement_character(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", "a\ud800b")  # json.dumps spells it \ud800
    assert stream.until("news").data == "a\ufffdb"


# contract: 3.4, 3.6
def test_empty_data_still_makes_an_event(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", "")
    frame = stream.until("news")
    assert frame.fields == ("id", "event", "data") and frame.data == ""


def test_line_ends_of_a_payload_are_the_same_in_messages_live_and_replayed(daemon, sandbox, name):
    """The default form ends a line at each of them; a message tells them apart, whoever was there first."""
    channel, payload = name(), "a\r\nb\rc\nd"
    first = daemon.subscribed(channel)

    def payloads(stream, count):
        found = []
        while len(found) < count:
            message = stream.next().json
            if message["event"] == "step":
                found.append(message["data"])
        return found

    sandbox.publish(channel, "step", payload)
    first.until("step")
    live = daemon.stream(f"/channels/{channel}/events?format=message")
    live.next()
    sandbox.publish(channel, "step", payload)
    assert payloads(live, 1) == [payload]
    assert payloads(daemon.stream(f"/channels/{channel}/events?format=message&since=1h"), 2) == [payload, payload]
