"""deploy/operations.md says what the sources say: nothing left out, nothing made up."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest

from processes import BINARY, ROOT

PAGE = (ROOT / "deploy/operations.md").read_text()
CONTAINER = (ROOT / "deploy/Containerfile").read_text()


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def table(title, first):
    """The rows of the table of that section whose head begins with `first`, as lists of cells."""
    lines = section(title).split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    assert len({len(row) for row in rows}) == 1, f"a row of {title} has more or fewer cells: {rows}"
    return rows


def code(cell):
    """What a cell has between backticks, and nothing else."""
    return re.fullmatch(r"(`+) ?(.+?) ?\1", cell)[2]


def names(title, first):
    found = [code(row[0]) for row in table(title, first)]
    assert len(found) == len(set(found)), "something is there twice"
    return found


def sources(*folders):
    return "".join(
        path.read_text() for folder in folders for path in sorted((ROOT / "Sources" / folder).rglob("*.swift"))
    )


def test_every_problem_code_is_there_with_its_status(daemon):
    responses = daemon.get("/openapi.json").json()["components"]["responses"]
    known = set()
    for response in responses.values():
        for media in response.get("content", {}).values():
            for part in media["schema"].get("allOf", []):
                properties = part.get("properties", {})
                if "enum" in properties.get("code", {}):
                    known |= {(name, properties["status"]["const"]) for name in properties["code"]["enum"]}
    assert len(known) > 20
    rows = table("Problem codes", "code")
    assert {(code(row[0]), int(row[1])) for row in rows} == known
    assert len(rows) == len(known)


def test_every_metric_is_there_with_its_type(daemon):
    text = daemon.get("/metrics").text
    known = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    assert {code(row[0]): row[1] for row in table("Metrics", "metric")} == known
    # Nor is another one spoken of anywhere, in an alert for example.
    spoken = set(re.findall(r"\b(?:apinatord|process)_[a-z_]+\b", PAGE))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in spoken} <= set(known)


def metric_row(name):
    return next(row[2] for row in table("Metrics", "metric") if code(row[0]) == name)


def raw_values(file, enumeration):
    """The raw values of a Swift enumeration of strings."""
    body = re.search(rf"enum {enumeration}: String.*?\n}}", (ROOT / "Sources" / file).read_text(), re.DOTALL)[0]
    cases = re.findall(r"^  case (\w+)(?: = \"(\w+)\")?$", body, re.MULTILINE)
    return {value or name for name, value in cases}


def test_labels_are_there():
    code_of = sources("Bridge", "HTTPServer")
    labels = {
        "apinatord_upstream_state": raw_values("ApinatorProtocol/SessionState.swift", "SessionState"),
        "apinatord_reconnects_total": raw_values("ApinatorProtocol/ConnectionError.swift", "LossReason"),
        "apinatord_dropped_streams_total": set(re.findall(r'droppedStreams\["(\w+)"', code_of)),
        "apinatord_refused_total": set(re.findall(r'"(http2_\w+|keepalive|too_many_connections)"', code_of)),
        "apinatord_client_events_total": set(re.findall(r'clientEvents\["(\w+)"', code_of)),
        "apinatord_auth_requests_total": set(re.findall(r'authorizations\["(\w+)"', code_of)),
    }
    for name, values in labels.items():
        assert values, name
        text = metric_row(name)
        assert [value for value in values if f"`{value}`" not in text] == [], name


def test_every_gap_reason_is_there(daemon):
    text = sources("Bridge")
    known = set(re.findall(r'\bgaps\["(\w+)"|\bgap\(\s*"(\w+)"|\\"reason\\":\\"(\w+)\\"', text))
    known = {name for groups in known for name in groups if name}
    assert len(known) >= 5
    assert set(names("Gaps", "reason")) == known


def messages(text):
    """The messages that Swift sources log at notice and above; what varies is `…`."""
    text = re.sub(r'\\\((?:[^()"]|\([^()]*\))*\)', "…", text)
    return set(re.findall(r'\blog\.(notice|warning|error|critical)\(\s*"((?:\\.|[^"\\])*)"', text))


def test_every_log_line_above_info_is_there():
    known = messages(sources("Bridge", "apinatord"))
    # Lines that are another thing's text: a diagnostic, and the only problem that an app has when a reload begins it.
    assert ("warning", "…") in known and ("error", "…") in known
    known -= {("warning", "…"), ("error", "…")}
    diagnostics = (ROOT / "Sources/ApinatorProtocol/Diagnostic.swift").read_text()
    varying = re.sub(r'\\\((?:[^()"]|\([^()]*\)|"[^"]*")*\)', "…", diagnostics)
    texts = re.findall(r'^    case \.\w+.*?: "(.*)"$', varying, re.MULTILINE)
    cases = re.findall(r"^  case (\w+)", diagnostics, re.MULTILINE)
    assert len(texts) == len(cases) > 5
    known |= {("warning", text) for text in texts}
    (limit,) = re.findall(r'"(max_channels is [^"]*)"', sources("Bridge"))
    known.add(("error", re.sub(r"\\\([^()]*\)", "…", limit)))
    rows = [(row[0], code(row[1])) for row in table("Log lines", "level")]
    assert len(rows) == len(set(rows))
    assert set(rows) == known


def test_every_limit_is_there_with_its_default():
    text = (ROOT / "config/apinatord.toml").read_text()
    block = re.search(r"^\[limits\]\n(.*?)^\[log\]", text, re.MULTILINE | re.DOTALL)[1]
    defaults = tomllib.loads(re.sub(r"^#(?=\w)", "", block, flags=re.MULTILINE))
    assert {code(row[0]): row[1] for row in table("Sizes and limits", "key")} == {
        key: str(value) for key, value in defaults.items()
    }


def test_every_exit_status_is_there():
    known = set(re.findall(r"ExitCode\((\d+)\)", sources("apinatord"))) | {"0", "1"}
    assert {row[0] for row in table("Exit statuses", "status")} == known


@pytest.mark.parametrize("name", ["WatchdogSec", "LimitNOFILE"])
def test_settings_of_the_unit_are_as_they_are_there(name):
    unit = (ROOT / "deploy/systemd/apinatord.service").read_text()
    (value,) = re.findall(rf"^{name}=(\S+)$", unit, re.MULTILINE)
    assert set(re.findall(rf"{name}=(\w+)", PAGE)) <= {value}


def test_links_lead_somewhere():
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) > 10
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        else:
            assert (ROOT / "deploy" / link).exists(), link


def health_check(port):
    """How the container's check for a port of ours ends."""
    text = re.search(r"^HEALTHCHECK .*?CMD (\[.*?\])$", CONTAINER, re.MULTILINE | re.DOTALL)[1]
    command = json.loads(text.replace("\\\n", ""))
    assert command[-1].count("/8787;") == 1
    return subprocess.run([*command[:-1], command[-1].replace("/8787;", f"/{port};")], capture_output=True).returncode


def test_the_health_check_of_the_container_tells_a_daemon_from_none(run):
    daemon = run()
    assert health_check(daemon.port) == 0
    assert daemon.stop() == 0
    assert health_check(daemon.port) == 1


@pytest.mark.skipif(not (shutil.which("dpkg") and shutil.which("readelf")), reason="there is no dpkg or no readelf")
def test_the_container_has_every_library_that_the_binary_needs():
    dynamic = subprocess.run(["readelf", "-d", BINARY], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert len(libraries) > 4
    present = {"libc6", "libgcc-s1"}  # of every Debian
    for name in libraries:
        found = subprocess.run(["dpkg", "-S", f"*/{name}"], capture_output=True, text=True, check=True).stdout
        packages = {line.split(":")[0] for line in found.splitlines()}
        assert packages & (present | set(CONTAINER.split())), f"{name} is in {packages}"
