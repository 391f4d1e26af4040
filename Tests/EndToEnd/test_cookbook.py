"""The files of deploy/docs/cookbook do what they say: they read, come back with nothing lost or doubled, hear of gaps,
trigger. All readers live through one story at once, since each of them waits two seconds before it comes back."""

import contextlib
import dataclasses
import http.server
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import browser
from deadline import SECONDS, poll
from peers import Client
from processes import BINARY, ROOT, Daemon, configuration

COOKBOOK = ROOT / "deploy/docs/cookbook"
LANGUAGES = {
    "python": [sys.executable],
    "httpx": [sys.executable],
    "node": ["node"],
    "go": ["go", "run"],
    "php": ["php"],
    "ruby": ["ruby"],
    "shell": ["bash"],
}
NEEDED = {"shell": ["bash", "curl", "jq"], "systemd": ["systemd-analyze"], "browser": ["chromium"]}
FOLLOW = {
    "python": "python/follow.py", "httpx": "python/follow_httpx.py", "node": "node/follow.mjs",
    "go": "go/follow/main.go", "php": "php/follow.php", "ruby": "ruby/follow.rb", "shell": "shell/follow.sh",
}  # fmt: skip
HELLO = {
    "python": "python/hello.py", "node": "node/hello.mjs", "go": "go/hello/main.go", "php": "php/hello.php",
    "ruby": "ruby/hello.rb", "shell": "shell/hello.sh",
}  # fmt: skip
# Nothing is fetched: the files need the standard library only.
GO = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "0"}

# Node and jq 1.6 round it, as they compute with doubles; the others hand on what they got.
BIG = 9223372036854775807


def missing(language):
    programs = NEEDED.get(language) or LANGUAGES[language][:1]
    return [program for program in programs if not shutil.which(program)]


def needs(language):
    """Leaves a test out on a machine without the interpreter, but not in CI."""
    if absent := missing(language):
        assert not os.environ.get("CI"), f"there is no {', '.join(absent)}"
        pytest.skip(f"there is no {', '.join(absent)}")


def environment(url, token=None):
    return {**os.environ, **GO, "APINATORD_URL": url, **({"APINATORD_TOKEN": token} if token else {})}


def test_every_file_is_run_by_a_test():
    tested = {*FOLLOW.values(), *HELLO.values(), "browser/room.html"}
    found = {str(file.relative_to(COOKBOOK)) for file in COOKBOOK.rglob("*") if file.is_file()}
    others = {name for name in found if not name.startswith(("systemd/", "replay/"))}
    assert others == tested


class Wire:
    """Between a reader and the daemon. It can be cut, after so many bytes too, and leads to another daemon later."""

    def __init__(self, port):
        self.target = port
        self.is_open = True
        self.budget = None  # bytes towards the reader until the connection is cut, once
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target)) if self.is_open else None
            except ConnectionError:
                far = None
            except OSError:
                return
            if not far:
                near.close()
                continue
            self.pairs.append((near, far))
            threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source, sink, is_answer):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if is_answer and self.budget is not None and len(data) >= self.budget:
                    data, self.budget = data[: self.budget], None
                    sink.sendall(data)
                    break
                if is_answer and self.budget is not None:
                    self.budget -= len(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Nothing passes any more."""
        self.is_open = False
        for end in itertools.chain(*self.pairs):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.pairs = []

    def mend(self, port=None):
        self.target = port or self.target
        self.is_open = True

    def close(self):
        self.cut()
        self.listener.close()


class Reader:
    """A running example, and what it has said."""

    def __init__(self, command, url, token=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(url, token), start_new_session=True)  # fmt: skip
        self.said = []
        self.complained = []
        self._threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.said), (self.process.stderr, self.complained))
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(file, lines):
        for line in file:
            lines.append(line.rstrip("\n"))

    def wait(self, condition, what):
        try:
            poll(condition, 30, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.said} {self.complained}") from None

    def until(self, line):
        self.wait(lambda: line in self.said, line)

    def until_state(self, count=1):
        """Until the state was read that often."""
        self.wait(lambda: sum(line.startswith("state ") for line in list(self.said)) >= count, f"state, {count} times")

    def events(self, name):
        """The data of each event of that name so far."""
        return [json.loads(line.split(" ", 1)[1]) for line in list(self.said) if line.startswith(f"{name} ")]

    def until_step(self, number):
        self.wait(lambda: any(data["n"] == number for data in self.events("step")), f"step {number}")

    def end(self, seconds=SECONDS):
        """How it ends by itself."""
        status = self.process.wait(seconds)
        for thread in self._threads:
            thread.join(seconds)
        return status

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """How each reader is started. `go run` has a child that outlives it, so it is built here."""
    found = {}
    folder = tmp_path_factory.mktemp("cookbook")
    for language, file in FOLLOW.items():
        if not missing(language):
            found[language] = [*LANGUAGES[language], str(COOKBOOK / file)]
    if "go" in found:
        program = str(folder / "follow")
        build(["go", "build", "-o", program, str(COOKBOOK / FOLLOW["go"])])
        found["go"] = [program]
    return found


def build(command):
    done = subprocess.run(command, env=environment(""), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@dataclasses.dataclass
class Story:
    """What the readers said, and what was published."""

    readers: dict = dataclasses.field(default_factory=dict)
    failures: dict = dataclasses.field(default_factory=dict)
    published: int = 0

    def every(self, wait):
        """Waits for each reader that has not failed yet."""
        for language, reader in self.readers.items():
            if language not in self.failures:
                try:
                    wait(reader)
                except AssertionError as error:
                    self.failures[language] = str(error)

    def reader(self, language):
        needs(language)
        assert language not in self.failures, self.failures[language]
        return self.readers[language]


@pytest.fixture(scope="module")
def story(sandbox, commands, tmp_path_factory):
    """Events; a connection that is lost, and one that is cut inside a frame; a restart; a crash."""
    channel = f"presence-story-{os.environ.get('PYTEST_XDIST_WORKER', 'w')}"
    # Pinned, so that nothing of it is missed while nobody reads.
    text = configuration(sandbox, app=f'channels = ["{channel}"]')
    state = tmp_path_factory.mktemp("state")
    state.chmod(0o700)
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:

        def live(folder):
            daemon = Daemon(text, environment={"STATE_DIRECTORY": str(folder)})
            stack.callback(lambda: daemon.process.poll() is None and daemon.stop())
            daemon.wait_for_state("connected")
            poll(lambda: daemon.channel(channel)["subscribed"], what="the channel")
            return daemon

        def publish(count):
            for number in itertools.islice(numbers, count):
                sandbox.publish(channel, "step", json.dumps({"n": number, "text": 'a\tb "c" \\ ☃', "big": BIG}))
            return number

        daemon = live(state)
        told, wires = Story(), {}
        for language, command in commands.items():
            wires[language] = Wire(daemon.port)
            stack.callback(wires[language].close)
            told.readers[language] = Reader([*command, channel], wires[language].url)
            stack.callback(told.readers[language].kill)

        def all_have(number):
            told.every(lambda reader: reader.until_step(number))

        told.every(Reader.until_state)
        all_have(publish(10))

        for wire in wires.values():
            wire.cut()
        last = publish(10)
        for wire in wires.values():
            wire.mend()
        all_have(last)

        # Each is cut at another byte of about three events.
        for place, wire in enumerate(wires.values()):
            wire.budget = 301 + 37 * place
        last = publish(10)
        all_have(last)
        cuts = {language: wire.budget for language, wire in wires.items()}

        # Told to stop: ids and kept events live on.
        for wire in wires.values():
            wire.is_open = False
        assert daemon.stop() == 0
        daemon = live(state)
        for wire in wires.values():
            wire.mend(daemon.port)
        told.every(lambda reader: reader.until("gap upstream_reconnect"))
        all_have(publish(10))

        # A crash, after which the ids are unknown.
        for wire in wires.values():
            wire.is_open = False
        daemon.kill()
        empty = tmp_path_factory.mktemp("state")
        daemon = live(empty)
        for wire in wires.values():
            wire.mend(daemon.port)
        told.every(lambda reader: reader.until("gap unknown_id"))
        told.published = publish(10)
        all_have(told.published)
        assert set(cuts.values()) == {None}, "a connection was not cut inside a frame"
        yield told


follows = pytest.mark.parametrize("language", FOLLOW)


@follows
def test_nothing_is_lost_or_doubled(story, language):
    reader = story.reader(language)
    steps = reader.events("step")
    assert [data["n"] for data in steps] == list(range(1, story.published + 1)), reader.complained
    assert {data["text"] for data in steps} == {'a\tb "c" \\ ☃'}
    exact = language not in ("node", "shell") 
    assert {int(data["big"]) for data in steps} == {BIG} or not exact


@follows
def test_gaps_are_told_and_the_state_is_read_again(story, language):
    said = story.reader(language).said
    kinds = [line if line.startswith("gap ") else line.split(" ")[0] for line in said]
    kinds = [kind for kind, _ in itertools.groupby(kinds)]
    # After a gap, and once more when the channel is confirmed again; after a lost connection nothing has to be read.
    told = ["gap upstream_reconnect", "state", "step", "gap unknown_id", "state", "step"]
    assert kinds == ["state", "step", *told], said


@pytest.fixture(scope="module")
def frozen(sandbox, commands, tmp_path_factory):
    """A daemon that stops answering without closing a connection, for readers that wait a second and not forty."""
    channel = f"presence-frozen-{os.environ.get('PYTEST_XDIST_WORKER', 'w')}"
    folder = tmp_path_factory.mktemp("impatient")
    with contextlib.ExitStack() as stack:
        daemon = Daemon(configuration(sandbox, app=f'channels = ["{channel}"]'))
        stack.callback(daemon.stop)
        daemon.wait_for_state("connected")
        poll(lambda: daemon.channel(channel)["subscribed"], what="the channel")
        readers = {}
        for language in commands:
            if language == "shell":
                continue
            file = folder / FOLLOW[language].replace("/", "-")
            text, count = re.subn(r"(?<=[ =(])40(_000)?\b", r"1\1", (COOKBOOK / FOLLOW[language]).read_text())
            assert count == 1, language
            file.write_text(text)
            command = [*LANGUAGES[language], str(file)]
            if language == "go":
                command = [str(folder / "program")]
                build(["go", "build", "-o", *command, str(file)])
            readers[language] = Reader([*command, channel], daemon.url)
            stack.callback(readers[language].kill)
        for reader in readers.values():
            reader.until_state()
        # They come and go already; from their first id on they miss nothing.
        numbers = itertools.count(1)

        def publish():
            sandbox.publish(channel, "step", f'{{"n":{next(numbers)}}}')

        for reader in readers.values():
            reader.wait(lambda: publish() or reader.events("step"), "an event")
        for reader in readers.values():
            reader.complained.clear()
        daemon.signal(signal.SIGSTOP)
        try:
            for reader in readers.values():
                reader.wait(lambda: reader.complained, "that it is noticed")
        finally:
            daemon.signal(signal.SIGCONT)
        last = next(numbers)
        sandbox.publish(channel, "step", f'{{"n":{last}}}')
        for reader in readers.values():
            reader.until_step(last)
        yield readers, last


@pytest.mark.parametrize("language", [language for language in FOLLOW if language != "shell"])
def test_a_bridge_that_has_gone_silent_is_left_and_found_again(frozen, language):
    needs(language)
    readers, last = frozen
    assert "lost the stream" in readers[language].complained[0]
    steps = [data["n"] for data in readers[language].events("step")]
    assert steps == list(range(steps[0], last + 1))


class QuietBridge(http.server.ThreadingHTTPServer):
    """A stream with nothing but signs of life between two events, as the bridge sends them when it is quiet for long."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            is_stream = self.path.endswith("/events")
            lines = "ndjson" in self.headers.get("Accept", "")
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if not is_stream else "text/event-stream")
            self.end_headers()
            if not is_stream:
                self.wfile.write(b'{"last_event_id":"1-1"}')
                return
            for number in (1, 2):
                event, data = f"1-{number}", json.dumps({"n": number})
                text = f"id: {event}\nevent: step\ndata: {data}\n\n"
                if lines:
                    text = f'{{"app":"main","channel":"x","event":"step","data":{data},"id":"{event}"}}\n'
                self.wfile.write(text.encode() + (b"\n" if lines else b":\n\n") * 3)
            self.server.is_over.wait(SECONDS)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.is_over = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


@follows
def test_signs_of_life_are_no_events(commands, language):
    needs(language)
    bridge = QuietBridge()
    reader = Reader([*commands[language], "x"], f"http://127.0.0.1:{bridge.server_port}")
    try:
        reader.until_step(2)
        assert [line.split(" ")[0] for line in reader.said] == ["step", "step"]
        assert reader.complained == []
    finally:
        reader.kill()
        bridge.is_over.set()
        bridge.shutdown()
        bridge.server_close()


@pytest.fixture
def guarded(run, tmp_path):
    """A daemon that wants a token."""
    secret = tmp_path / "token"
    secret.write_text("open-sesame\n")
    secret.chmod(0o600)
    entry = f'[[token]]\nname = "test"\nsecret = {{ file = "{secret}" }}\nallow = ["read", "trigger"]'
    daemon = run(rest=entry, connected=False)
    poll(lambda: daemon.get("/readyz").status_code == 200, what="ready")
    return daemon


@follows
def test_a_token_is_sent_and_a_refusal_is_the_end(guarded, sandbox, commands, name, language):
    needs(language)
    channel = name("presence-")
    reader = Reader([*commands[language], channel], guarded.url, "open-sesame")
    try:
        reader.until_state()
        sandbox.publish(channel, "step", '{"n":1}')
        reader.until_step(1)
        arguments = Path(f"/proc/{reader.process.pid}/task/{reader.process.pid}/children").read_text().split()
        for pid in [str(reader.process.pid), *arguments]:
            assert b"open-sesame" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        reader.kill()
    if language != "shell":  # which tries for ever, and says why it fails
        reader = Reader([*commands[language], channel], guarded.url, "wrong")
        try:
            assert reader.end() != 0
            assert "the token is none of those configured" in "\n".join(reader.complained)
        finally:
            reader.kill()


# Triggers


def hello(language, url, *arguments, token=None):
    command = [*LANGUAGES[language], str(COOKBOOK / HELLO[language]), *arguments]
    return subprocess.run(command, env=environment(url, token), capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("language", HELLO)
def test_a_client_event_reaches_the_others_and_members_are_listed(guarded, sandbox, name, language):
    needs(language)
    channel, text = name("presence-"), 'naïve "text" \\ ☃'
    with Client(sandbox) as ada:
        ada.subscribe(channel, "ada", {"name": "Ada"})
        done = hello(language, guarded.url, channel, text, token="open-sesame")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(ada.until("client-hello")["data"]) == {"text": text}
        assert sorted(line.strip() for line in done.stdout.splitlines()) == ["ada Ada", "sandbox-user sandbox-user"]


@pytest.mark.parametrize("language", HELLO)
def test_a_refused_client_event_says_what_to_do(daemon, name, language):
    needs(language)
    done = hello(language, daemon.url, name(), "hello")
    assert done.returncode == 1 and done.stdout == ""
    assert "event_not_allowed: a public channel takes no client events" in done.stderr


@pytest.mark.parametrize("file", ["go/follow/main.go", "go/hello/main.go"])
def test_go_finds_nothing_wrong(file):
    needs("go")
    build(["go", "vet", str(COOKBOOK / file)])
    if shutil.which("gofmt"):
        build(["gofmt", "-l", str(COOKBOOK / file)])


# systemd


@pytest.fixture
def units(tmp_path):
    """The cookbook's units beside those of the package, with the binary of these tests."""
    needs("systemd")
    shutil.copytree(COOKBOOK / "systemd", tmp_path, dirs_exist_ok=True)
    shutil.copytree(ROOT / "deploy/systemd", tmp_path, dirs_exist_ok=True)
    for unit in tmp_path.glob("*.service"):
        unit.write_text(unit.read_text().replace("/usr/bin/apinatord", BINARY))
    return tmp_path


def verify(units):
    """What systemd complains about."""
    names = ["orders-worker.service", "apinatord.service", "apinatord.socket"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(units / name for name in names)],
        capture_output=True, text=True, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}, timeout=60)  # fmt: skip
    return [line for line in done.stderr.splitlines() if re.search("apinatord|orders-worker", line)]


def test_systemd_finds_nothing_wrong_with_the_units(units):
    assert verify(units) == []


@pytest.mark.parametrize("file", [str(path.relative_to(COOKBOOK / "systemd")) for path in COOKBOOK.glob("systemd/*/*")])
def test_systemd_reads_the_settings_beside_the_units(units, file):
    with (units / file).open("a") as settings:
        settings.write("NoSuchSetting=1\n")
    assert any("NoSuchSetting" in line for line in verify(units))


# Recorded traffic


def test_a_program_is_tested_with_recorded_traffic():
    done = subprocess.run(
        [sys.executable, str(COOKBOOK / "replay/test_worker.py")], capture_output=True, text=True, timeout=60,
        env={**environment(""), "APINATORD_BINARY": BINARY})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Ran 1 test" in done.stderr


# A page in a browser


@pytest.fixture
def site():
    """The cookbook's pages, from an origin of their own."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(COOKBOOK / "browser"))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_page_shows_events_members_and_gaps_comes_back_and_triggers(run, start, sandbox, site, name, tmp_path):
    needs("browser")
    channel = name("presence-")
    tmp_path.chmod(0o700)
    text = configuration(sandbox, app=f'channels = ["{channel}"]', top=f'allowed_origins = ["{site}"]')
    state = {"STATE_DIRECTORY": str(tmp_path)}
    daemon = start(Daemon, text, environment=state)
    daemon.wait_for_state("connected")
    with contextlib.ExitStack() as stack:
        wire = Wire(daemon.port)
        stack.callback(wire.close)
        chromium = browser.Browser()
        stack.callback(chromium.close)
        page = chromium.page(f"{site}/room.html?channel={channel}&bridge={wire.url}")
        page.wait("document.getElementById('members').textContent === 'sandbox-user'")
        assert page.evaluate("document.getElementById('state').textContent") == "connected"

        def shown():
            return page.evaluate("[...document.querySelectorAll('#events li')].map((item) => item.textContent)")

        def publish(*numbers):
            for number in numbers:
                sandbox.publish(channel, "step", f'{{"n":{number},"text":"<b>"}}')

        def wait_for(*numbers):
            wanted = [f'step {{"n":{number},"text":"<b>"}}' for number in numbers]
            poll(lambda: [line for line in shown() if line.startswith("step")] == wanted, 20, f"{numbers} {shown()}")

        with Client(sandbox) as ada:
            ada.subscribe(channel, "ada", {"name": "Ada"})
            page.wait("document.getElementById('members').textContent === 'sandbox-userAda'")
            publish(1, 2)
            wait_for(1, 2)
            assert page.errors == []
            page.evaluate("document.querySelector('input').value = 'good morning'")
            page.evaluate("document.querySelector('button').click()")
            assert json.loads(ada.until("client-hello")["data"]) == {"text": "good morning"}
            page.wait("document.querySelector('input').value === ''")
            # A connection that is lost, and then a restart.
            wire.cut()
            publish(3)
            page.wait("document.getElementById('state').textContent === 'connecting …'")
            wire.mend()
            wait_for(1, 2, 3)
            wire.is_open = False
            assert daemon.stop() == 0
            daemon = start(Daemon, text, environment=state)
            daemon.wait_for_state("connected")
            wire.mend(daemon.port)
            poll(lambda: any("upstream_reconnect" in line for line in shown()), 20, "the gap")
            publish(4)
            wait_for(1, 2, 3, 4)
