"""check-config and serve say the same of a configuration, whatever it names (config-and-cli, Configuration)."""

import os
import re
import signal
import subprocess

import pytest

from certificates import make_certificate
from deadline import poll
from processes import BINARY, configuration

APP = '[[app]]\napp_key = "k"\nurl = "wss://127.0.0.1:1"\n'


def says(command, file):
    """How the command ends, and the lines that it writes to standard error."""
    done = subprocess.run(
        [BINARY, *command, file], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20,
        env={name: value for name, value in os.environ.items() if name != "LISTEN_FDS"})  # fmt: skip
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def files(tmp_path):
    """Names of files in `{…}`, whatever is right or wrong with them."""
    certificate, key = make_certificate(tmp_path, "one")
    _, other = make_certificate(tmp_path, "two")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked], check=True, capture_output=True)  # fmt: skip
    locked.chmod(0o600)
    broken = tmp_path / "broken.pem"
    broken.write_text(certificate.read_text() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    made = {"certificate": certificate, "key": key, "other": other, "locked": locked, "broken": broken}
    return {name: str(path) for name, path in made.items()}


TLS = '[tls]\ncertificate = "{%s}"\nkey = "{%s}"\n'
WRONG = {
    "a ca_file that is a key": (APP + 'ca_file = "{key}"\n', "4:11", "cannot use the CA file"),
    "a ca_file of which a part is broken": (APP + 'ca_file = "{broken}"\n', "4:11", "cannot use the CA file"),
    "a key of another certificate": (APP + TLS % ("certificate", "other"), "6:7", "does not belong"),
    "an encrypted key": (APP + TLS % ("certificate", "locked"), "6:7", "without a passphrase"),
    "a certificate that is a key": (APP + TLS % ("key", "key"), "5:15", "cannot use the certificate file"),
    "a user who is not there": (APP + '[[peer]]\nuser = "nobody-of-that-name"\n', "5:8", "no account"),
    "a group that is not there": (APP + '[[peer]]\ngroup = "nobody-of-that-name"\n', "5:9", "no account"),
    "an endpoint that nobody can ask": (APP + 'auth_endpoint = "https://a/b?c=sesame%zz"\n', "4:17", "percent-encoded"),
    "a url that nobody can connect to": (APP.replace(":1", ":1/{{a}}"), "3:7", "percent-encoded"),
    "more channels than there may be": (APP + 'channels = ["a", "b"]\n[limits]\nmax_channels = 1\n', "4:18", "max_channels is 1"),
}  # fmt: skip


# contract: 8.1
@pytest.mark.parametrize(("text", "place", "what"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_wrong_to_both(files, tmp_path, text, place, what):
    file = tmp_path / "a.toml"
    for name, path in files.items():
        text = text.replace("{" + name + "}", path)
    file.write_text(text)
    status, lines = says(["check-config"], file)
    assert (status, len(lines)) == (78, 1), lines
    assert lines[0].startswith(f"{file}:{place}: ") and what in lines[0] and "sesame" not in lines[0]
    assert says(["serve", "--config"], file) == (status, lines)


TOKEN = '[[token]]\nname = "{}"\nsecret = {{ file = "{}" }}\n'


@pytest.mark.parametrize("same", [True, False])
def test_two_tokens_have_two_secrets(tmp_path, same):
    for name in "ab":
        (tmp_path / name).write_text("sesame" if same else f"sesame-{name}")
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "a.toml"
    file.write_text(APP + TOKEN.format("one", "a") + TOKEN.format("two", "b"))
    status, lines = says(["check-config"], file)
    wrong = [f"{file}:9:1: secret is the same as that of the token on line 6; give each token a secret of its own"]
    assert (status, lines) == ((78, wrong) if same else (0, []))


@pytest.mark.parametrize("content", [" sesame\n", "sesame \n", "sesame\n\n", "one\ntwo\n", "\tsesame"])
@pytest.mark.parametrize("entry", ["app_secret = {{ file = \"{}\" }}\n", TOKEN.replace("{}", "t", 1)])
def test_a_secret_is_one_line_and_nothing_around_it(tmp_path, content, entry):
    secret, file = tmp_path / "secret", tmp_path / "a.toml"
    secret.write_text(content)
    secret.chmod(0o600)
    file.write_text(APP + entry.format(secret))
    status, lines = says(["check-config"], file)
    assert (status, len(lines)) == (78, 1) and "more than one line" in lines[0] and "sesame" not in lines[0]
    secret.write_text("sesame\n")
    assert says(["check-config"], file) == (0, [])


def test_all_of_it_is_said_at_once_and_nothing_twice(files, tmp_path):
    file = tmp_path / "a.toml"
    text = f'[tls]\ncertificate = "{files["certificate"]}"\nkey = "/none"\n[[peer]]\nuser = "nobody-of-that-name"\n'
    file.write_text(APP + f'ca_file = "{files["key"]}"\n' + text)
    status, lines = says(["check-config"], file)
    assert status == 78
    assert [re.match(rf"{re.escape(str(file))}:(\d+):", line)[1] for line in lines] == ["4", "7", "9"]


def test_an_empty_listen_is_right_only_with_a_socket_unit_which_is_said(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("listen = []\n" + APP)
    status, lines = says(["check-config"], file)
    assert status == 0 and lines[0].startswith(f"{file}:1:10: listen is empty: without sockets from systemd")
    status, lines = says(["serve", "--config"], file)
    assert status == 78 and "there is nothing to listen on" in lines[-1]


def test_what_a_reload_finds_is_said_with_its_place(run, sandbox, files):
    daemon = run()
    daemon.configuration.write_text(configuration(sandbox, app=f'ca_file = "{files["key"]}"'))
    daemon.signal(signal.SIGHUP)
    place = f"reload refused: {daemon.configuration}:9:11: cannot use the CA file"
    poll(lambda: any(entry["message"].startswith(place) for entry in daemon.entries), what=daemon.log)
    assert daemon.connection()["state"] == "connected"
