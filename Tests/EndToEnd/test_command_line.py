"""The command line (config-and-cli)."""

import os
import re
import signal
import subprocess
import tempfile

import httpx
import pytest

from commands import call, environment, examples, said
from deadline import poll
from processes import BINARY, ROOT, SECRET, Daemon, Program, Sandbox, configuration


def run_program(*arguments, environment=None):
    return subprocess.run(
        [BINARY, *map(os.fsencode, arguments)], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})})  # fmt: skip


def test_version():
    done = run_program("version")
    assert done.returncode == 0
    assert re.fullmatch(r"apinatord \d+\.\d+\.\d+\n", done.stdout)
    assert run_program("--version").stdout == done.stdout


# contract: 8.7
@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["serve", "--nonsense"], ["sandbox", "--port"], ["sandbox", "--port", "x"], ["sandbox", "--port", "70000"],
     ["check-config", "a", "b"], ["version", "x"], ["help", "nonsense"]])  # fmt: skip
def test_a_usage_error_is_64(arguments):
    done = run_program(*arguments)
    assert done.returncode == 64
    assert done.stderr and not done.stdout


def test_help_of_a_subcommand_is_there():
    for command in ("serve", "trigger", "help"):
        assert run_program("help", command).returncode == 0


# contract: 8.7
def test_data_that_looks_like_an_option_is_hinted_at():
    done = run_program("trigger", "private-x", "client-x", "-1")
    assert done.returncode == 64 and "-- -1" in done.stderr and "Usage:" in done.stderr
    done = run_program("trigger", "private-x", "client-x", "--", "-1", environment={"APINATORD_URL": "http://127.0.0.1:1"})
    assert done.returncode == 69


def test_arguments_are_never_changed():
    done = run_program("trigger", "private-x", "client-x", b"caf\xe9", environment={"APINATORD_URL": "http://127.0.0.1:1"})
    assert done.returncode == 64 and "not UTF-8" in done.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["check-config"], ["sandbox"], ["version"]])
def test_help_of_each_has_an_example(command):
    done = run_program(*command, "--help")
    assert done.returncode == 0
    assert "apinatord" in done.stdout


def test_the_examples_of_check_config_work_as_they_stand(tmp_path):
    found = examples(said(call("check-config", "--help")))
    done = subprocess.run(
        ["bash", "-c", "\n".join([f'apinatord() {{ "{BINARY}" "$@"; }}', *found])], capture_output=True, text=True,
        timeout=20, cwd=tmp_path, env=environment())  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "") and "good" in done.stdout, done.stderr


def test_the_first_example_of_all_waits_for_a_daemon_that_starts_slowly(tmp_path):
    text = said(call("--help"))
    lines = [line.strip() for line in text.partition("internet:\n")[2].partition("\n\n")[0].splitlines()]
    assert lines[0] == "apinatord serve --sandbox &" and len(lines) == 2
    path = tmp_path / "s"
    file = write(tmp_path, f'listen = ["127.0.0.1:0", "unix:{path}"]\n')
    # What listens on the usual ports of this machine is somebody else's.
    lines[0] = lines[0].replace(" &", f" --sandbox-port 0 --config {file} >/dev/null 2>&1 &")
    lines[1] = lines[1].replace("curl -N http://127.0.0.1:8787", f"curl -sN --unix-socket {path} http://localhost")
    slow = f'apinatord() {{ [ "$1" != serve ] || sleep 0.5; "{BINARY}" "$@"; }}'
    process = subprocess.Popen(
        ["bash", "-c", "\n".join([slow, *lines])], stdout=subprocess.PIPE, start_new_session=True,
        env=environment(APINATORD_CONFIG=str(file)))  # fmt: skip
    try:
        assert process.stdout.readline() == b"retry: 2000\n"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.mark.parametrize("arguments", [["version"], ["version", "--verbose"], ["check-config", ROOT / "config/apinatord.toml"]])
def test_an_answer_that_cannot_be_written_is_said(arguments):
    for target in ("/dev/full", "&-"):
        done = subprocess.run(
            ["bash", "-c", f'"$@" >{target}', "bash", BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=20)  # fmt: skip
        assert done.returncode == 1 and "cannot write to standard output" in done.stderr


def test_no_socket_takes_the_place_of_a_closed_standard_descriptor(tmp_path, sandbox):
    path = tmp_path / "s"
    file = write(tmp_path, configuration(sandbox, top="").replace("127.0.0.1:0", f"unix:{path}"))
    closing = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", BINARY, "serve", "--config", file]
    with subprocess.Popen(closing) as process:
        try:
            poll(path.exists, what=path)
            assert [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
        finally:
            process.terminate()
        assert process.wait(20) == 0


def write(tmp_path, text, name="a.toml"):
    file = tmp_path / name
    file.write_text(text)
    return file


BAD = """\
listen = ["127.0.0.1:0"]
lisen = []
[limits]
max_streams = "many"
[[app]]
app_key = "k"
cluster = "eu"
auth_format = "xml"
"""


# contract: 8.1, 8.8
@pytest.mark.parametrize("command", [["check-config"], ["serve", "--config"]])
def test_problems_are_file_line_column_all_at_once_and_the_exit_is_78(tmp_path, command):
    file = write(tmp_path, BAD)
    done = run_program(*command, file)
    assert done.returncode == 78
    lines = [line for line in done.stderr.splitlines() if line]
    places = [
        tuple(int(n) for n in re.match(rf"{re.escape(str(file))}:(\d+):(\d+): .+; .+", line).groups()) for line in lines
    ]
    assert [line for line, _ in places] == [2, 4, 8]
    assert places[0] == (2, 1)


# contract: 8.1
@pytest.mark.parametrize(
    "text",
    ["", "[[app]]\n", "a = ", '[[app]]\napp_key = "k"\ncluster = "eu"\napp_secret = "inline"\n',
     '[[app]]\napp_key = "k"\nurl = "http://x"\n', 'listen = ["nowhere"]\n[[app]]\napp_key = "k"\ncluster = "eu"\n'])  # fmt: skip
def test_impossible_values_are_78_with_a_place(tmp_path, text):
    file = write(tmp_path, text)
    done = run_program("check-config", file)
    assert done.returncode == 78
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: ", done.stderr)


# contract: 8.8
def test_a_missing_file_is_78(tmp_path):
    done = run_program("serve", "--config", tmp_path / "none.toml")
    assert done.returncode == 78 and "none.toml" in done.stderr


def test_a_secret_that_others_can_read_is_refused_with_the_chmod_that_mends_it(tmp_path):
    secret = write(tmp_path, SECRET, "secret")
    secret.chmod(0o644)
    file = write(tmp_path, f'[[app]]\napp_key = "k"\ncluster = "eu"\napp_secret = {{ file = "{secret}" }}\n')
    done = run_program("check-config", file)
    assert done.returncode == 78
    assert SECRET not in done.stderr
    mode = re.search(rf"chmod (\S+) {re.escape(str(secret))}", done.stderr)[1]
    subprocess.run(["chmod", mode, secret], check=True)
    assert run_program("check-config", file).returncode == 0


def test_a_secret_from_a_credential(tmp_path):
    write(tmp_path, SECRET, "app_secret").chmod(0o400)
    file = write(tmp_path, '[[app]]\napp_key = "k"\ncluster = "eu"\napp_secret = { credential = "app_secret" }\n')
    done = run_program("check-config", file, environment={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert run_program("check-config", file).returncode == 78


def test_the_smallest_that_works_is_three_lines(tmp_path):
    file = write(tmp_path, '[[app]]\napp_key = "k"\ncluster = "eu"\n')
    done = run_program("check-config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good" in done.stdout and "wss://ws-eu.apinator.io" in done.stdout


def test_the_example_is_good():
    assert run_program("check-config", ROOT / "config/apinatord.toml").returncode == 0


def test_apinatord_config_names_the_file(tmp_path):
    file = write(tmp_path, BAD)
    for command in (["serve"], [], ["check-config"]):
        done = run_program(*command, environment={"APINATORD_CONFIG": str(file)})
        assert done.returncode == 78 and str(file) in done.stderr


# contract: 8.8
def test_an_address_in_use_is_said(tmp_path, sandbox):
    file = write(tmp_path, f'listen = ["127.0.0.1:{sandbox.port}"]\n[[app]]\napp_key = "k"\nurl = "{sandbox.url}"\n')
    done = run_program("serve", "--config", file)
    assert done.returncode == 1
    assert str(sandbox.port) in done.stderr and "in use" in done.stderr


def test_a_start_that_fails_leaves_no_socket_behind(tmp_path, sandbox):
    file = tmp_path / "a.toml"
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        listen = f'["unix:{folder}/s", "127.0.0.1:{sandbox.port}"]'
        file.write_text(configuration(sandbox).replace('["127.0.0.1:0"]', listen))
        done = run_program("serve", "--config", file)
        assert done.returncode == 1 and "is in use by another process" in done.stderr
        assert os.listdir(folder) == []


def test_serve_sandbox_starts_both_with_an_app_named_main_and_chatters_on_presence_x(start, tmp_path):
    daemon = start(Daemon, 'listen = ["127.0.0.1:0"]\n', ["--sandbox", "--sandbox-port", "0"])
    stream = daemon.subscribed("presence-x")
    frames = [stream.next(3) for _ in range(3)]
    assert all(frame.id for frame in frames)
    assert daemon.get("/channels/presence-x/members").json()["count"] >= 1
    assert daemon.get("/apps/main").json()["default"] is True


def test_the_sandboxs_app_takes_the_place_of_one_of_its_name(start):
    other = '[[app]]\nname = "other"\napp_key = "k"\ncluster = "eu"\nconnect = false\n'
    text = f'listen = ["127.0.0.1:0"]\n[[app]]\napp_key = "k"\ncluster = "eu"\nconnect = false\n{other}'
    daemon = start(Daemon, text, ["--sandbox", "--sandbox-port", "0"])
    assert [app["name"] for app in daemon.get("/apps").json()["apps"]] == ["main", "other"]
    daemon.wait_for_state("connected")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_entry("reloaded")
    assert [app["name"] for app in daemon.get("/apps").json()["apps"]] == ["main", "other"]
    assert daemon.connection()["state"] == "connected"
    daemon.wait_for_entry("left out an app of the configuration: the sandbox's has its name", app="main", count=2)


def test_the_sandbox_chatters_unless_quiet(start):
    loud = start(Sandbox, quiet=False)
    assert [c["name"] for c in loud.server().get_channels()] == ["presence-x"]
    assert start(Sandbox).server().get_channels() == []


def test_the_sandbox_has_an_auth_endpoint(sandbox):
    answer = httpx.post(f"{sandbox.http}/auth", json={"socket_id": "1.2", "channel_name": "private-a"}, trust_env=False)
    assert answer.json() == sandbox.server().authenticate_channel("1.2", "private-a")


def test_two_programs_do_not_meet_on_port_0(start):
    programs = [start(Program, ["sandbox", "--port", "0", "--quiet"]) for _ in range(2)]
    addresses = {program.wait_for_entry("sandbox listening")[0]["address"] for program in programs}
    assert len(addresses) == 2
