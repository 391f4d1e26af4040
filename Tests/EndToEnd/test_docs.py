"""The pages for people say what the program does: links lead somewhere, what can run runs, references are complete."""

import json
import os
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import manpages
from certificates import make_certificate
from deadline import poll
from processes import BINARY, ROOT, Daemon

DOCS = ROOT / "deploy/docs"
PAGES = [ROOT / "README.md", ROOT / "deploy/operations.md", *sorted([*DOCS.glob("*.md"), *ROOT.glob(".github/*.md")])]


def blocks(page):
    """What is between fences: the word after the first one, and the text."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def prose(page):
    """What is not between fences."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def each(language):
    """Every block of that language, as parameters of a test."""
    found = [(page, text) for page in PAGES for kind, text in blocks(page) if kind == language]
    return [pytest.param(text, id=f"{page.name}-{number}") for number, (page, text) in enumerate(found, start=1)]


pages = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


# Links


def anchors(page):
    """What GitHub makes of the headings."""
    found = set()
    for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
        assert name not in found, f"two headings are {name}"
        found.add(name)
    return found


@pages
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_page_is_found_from_the_first_screen_of_the_readme():
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:60])
    assert "](deploy/docs/README.md)" in first_screen
    index = (DOCS / "README.md").read_text()
    wanted = {page for page in PAGES if page not in (ROOT / "README.md", DOCS / "README.md")}
    assert {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)]+\.md)\)", index)} == wanted


# What is named


@pytest.fixture(scope="module")
def description(daemon_once):
    return daemon_once.get("/openapi.json").json()


@pytest.fixture(scope="module")
def daemon_once():
    """`serve --sandbox` with its simulated users."""
    daemon = Daemon('listen = ["127.0.0.1:0"]\n', arguments=["--sandbox", "--sandbox-port", "0"])
    daemon.wait_for_state("connected")
    poll(lambda: daemon.get("/channels/presence-x/members").status_code == 200, what="presence-x")
    yield daemon
    assert daemon.stop() == 0


@pages
def test_files_that_are_named_exist(page):
    for name in re.findall(r"`((?:Sources|Tests|deploy|config|\.github)/[^`\s*]+)(?=[ `])", page.read_text()):
        assert (ROOT / name).exists(), name


@pages
def test_paths_that_are_named_exist(page, description):
    templates = [re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) for path in description["paths"]]
    for method, path in re.findall(r"\b(GET|PUT|POST|DELETE) (/[^\s`\"?|;,)]*)", page.read_text()):
        path = re.sub(r"[.:]$", "", path)
        matching = [
            item for template, item in zip(templates, description["paths"].values(), strict=True)
            if re.fullmatch(template, path)
        ]  # fmt: skip
        assert any(method.lower() in item for item in matching), f"{method} {path}"


@pages
def test_codes_are_of_that_status(page, description):
    known = set()
    for response in description["components"]["responses"].values():
        for media in response.get("content", {}).values():
            for part in media["schema"].get("allOf", []):
                properties = part.get("properties", {})
                if "enum" in properties.get("code", {}):
                    known |= {(properties["status"]["const"], code) for code in properties["code"]["enum"]}
    named = re.findall(r"\b([45]\d\d) `([a-z_]+)`", page.read_text())
    assert {(int(status), code) for status, code in named} <= known


@pages
def test_events_of_the_bridge_exist(page):
    known = set(re.findall(r"bridge:[a-z]+", "".join(f.read_text() for f in (ROOT / "Sources/Bridge").glob("*.swift"))))
    assert known > {"bridge:open", "bridge:gap"}
    assert set(re.findall(r"bridge:[a-z]+", page.read_text())) <= known


@pytest.fixture(scope="module")
def commands():
    """Each command with the names of its options."""
    dumped = subprocess.run([BINARY, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    found = {}
    for command in json.loads(dumped)["command"]["subcommands"]:
        names = [name for argument in command.get("arguments", []) for name in argument.get("names", [])]
        found[command["commandName"]] = {("--" if n["kind"] == "long" else "-") + n["name"] for n in names}
    return found


@pages
def test_commands_and_options_that_are_named_exist(page, commands):
    text = page.read_text()
    # In code only: "apinatord holds one connection" is prose.
    code = [text for kind, text in blocks(page) if kind.split(" ")[0] in ("sh", "console")]
    code += re.findall(r"`([^`\n]+)`", prose(page))
    uses = [use for part in code for use in re.findall(r"(?:^|[ /])apinatord ([a-z][a-z-]*)([^|&;\n]*)", part)]
    for command, rest in uses:
        if command in ("enable", "start", "service"):
            continue
        assert command in commands, f"apinatord {command}{rest}"
        options = re.findall(r"(?:^| )(--?[a-z][a-z-]*)", re.sub(r"'[^']*'|#.*", "", rest))
        assert set(options) <= commands[command] | {"--help"}, f"apinatord {command}{rest}"


def test_the_commands_are_all_there(commands):
    text = (DOCS / "commands.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| `apinatord ([a-z-]+)\b.*` \|$", text, re.MULTILINE)
    assert all(command == example for command, example in rows)
    assert {command for command, _ in rows} == set(commands) - {"help"}
    statuses = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    source = (ROOT / "Sources/apinatord/ExitCodes.swift").read_text()
    assert set(statuses) == {"0", "1", *re.findall(r"ExitCode\((\d+)\)", source)}


# References


def test_the_http_reference_is_what_the_daemon_says(description):
    written = (DOCS / "http.md").read_text()
    reference = runpy.run_path(str(DOCS / "http_reference.py"))["Reference"]
    assert written == reference(description).write(), "run deploy/docs/http_reference.py, as it says"


def test_the_http_reference_has_every_operation(description):
    shown = set(re.findall(r"^### ([A-Z]+ \S+)$", (DOCS / "http.md").read_text(), re.MULTILINE))
    wanted = {
        f"{method.upper()} {path}" for path, item in description["paths"].items() for method in item
        if method in ("get", "put", "post", "delete") and not path.startswith("/apps/{app}/")
    }  # fmt: skip
    assert shown == wanted


def schema():
    """The keys of each table, by the name that configuration.md gives it."""
    source = (ROOT / "Sources/BridgeConfig/ConfigurationKeys.swift").read_text()
    found = {}
    for body in re.findall(r"^enum \w+Key: String, ConfigurationKey \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL):
        table = re.search(r'static let table = "(.*)"', body)[1].strip("[]") or "top level"
        keys = set()
        for line in re.findall(r"^  case (.*)$", body, re.MULTILINE):
            name, _, value = line.partition(" = ")
            keys |= {value.strip('"')} if value else {key.strip() for key in name.split(",")}
        found[table] = keys
    tables = set(found)
    found["top level"] -= tables
    return found


def described():
    """The keys of each table in configuration.md, with their default."""
    found = {}
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", (DOCS / "configuration.md").read_text(), re.M | re.S):
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
        assert len(rows) == len({row[0] for row in rows}) == len(re.findall(r"^\| `", text, re.MULTILINE)), title
        found[title.lower()] = {key: default for key, _, default in rows}
    return found


def test_every_key_of_the_configuration_is_described():
    known = schema()
    # The tables within others are described with the keys that have them as values.
    assert known.pop("presence") == {"user_id", "user_info"} and known.pop("a secret") == {"file", "credential"}
    assert {table: set(keys) for table, keys in described().items()} == known


def test_defaults_are_those_of_the_man_page():
    """Which are those of config/apinatord.toml (test_package.py), which are those of the code (ExampleTests.swift)."""
    page = manpages.sections("apinatord.toml.5")
    titles = {"top level": "Top level", "limits": "[limits]", "log": "[log]", "tls": "[tls]"}
    for table, keys in described().items():
        items = manpages.items(page[titles.get(table, f"[[{table}]]")])
        for key, default in keys.items():
            lines = items[f"Ic {key}"]
            wanted = next((line.removeprefix("Default: ") for line in lines if line.startswith("Default: ")), None)
            assert default == f"`{wanted}`" if wanted else re.match("none|required", default), f"{table} {key}"


def test_examples_show_every_key():
    shown = {}
    for kind, text in blocks(DOCS / "configuration.md"):
        if kind == "toml":
            for key, value in tomllib.loads(text).items():
                tables = value if isinstance(value, list) and isinstance(value[0], dict) else [value]
                if isinstance(tables[0], dict):
                    shown.setdefault(key, set()).update(*tables)
                else:
                    shown.setdefault("top level", set()).add(key)
    assert shown == {table: set(keys) for table, keys in described().items()}


# What can be checked, and what can be run


@pytest.mark.parametrize("text", each("json"))
def test_json_is_json(text):
    for line in text.splitlines() if text.startswith("{") and "\n{" in text else [text]:
        json.loads(line)


def check_config(text, folder):
    """What check-config says of the text; files and credentials that it names are there."""
    (folder / "credentials").mkdir()
    certificate, key = make_certificate(folder, "localhost")
    pems = {"ca_file": certificate, "certificate": certificate, "key": key}
    text = re.sub(r'^(ca_file|certificate|key) = "/etc/.*"', lambda found: f'{found[1]} = "{pems[found[1]]}"', text, flags=re.M)
    for number, path in enumerate(sorted(set(re.findall(r'"(/etc/[^"]+)"', text)))):
        file = folder / f"{number}.secret"
        file.touch(mode=0o600)
        file.write_text(f"Bearer something-{number}\n")
        text = text.replace(f'"{path}"', f'"{file}"')
    for name in re.findall(r'credential = "([^"]+)"', text):
        (folder / "credentials" / name).touch(mode=0o600)
        (folder / "credentials" / name).write_text("something\n")
    if "[[app]]" not in text:
        text += '[[app]]\nname = "shop"\napp_key = "app_xxxxxxxx"\ncluster = "eu"\n'
    file = folder / "apinatord.toml"
    file.write_text(text)
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder / "credentials")}
    command = [BINARY, "check-config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=20)


@pytest.mark.parametrize("text", each("toml"))
def test_configurations_are_right(text, tmp_path):
    done = check_config(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_configuration_would_be_found(tmp_path):
    assert check_config('[[app]]\napp_kee = "x"\ncluster = "eu"\n', tmp_path).returncode == 78


@pytest.mark.parametrize("text", each("sh"))
def test_shell_is_shell(text):
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", each("sh run"))
def test_what_says_so_runs(text, daemon_once, tmp_path):
    missing = [program for program in ("curl", "jq") if not shutil.which(program)]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"there is no {', '.join(missing)}")
    (tmp_path / "apinatord").symlink_to(Path(BINARY).resolve())
    environment = {**os.environ, "APINATORD_URL": daemon_once.url, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-eu"], input=text, capture_output=True, text=True, env=environment, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    # An answer that is a problem is no success either.
    assert '"status":4' not in done.stdout and '"status":5' not in done.stdout, done.stdout
