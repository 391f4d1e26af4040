"""Reverse proxies before the daemon, each with the configuration that deploy/proxies recommends."""

import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from certificates import make_certificate
from deadline import SECONDS, poll
from processes import ROOT

FOLDER = ROOT / "deploy/proxies"
SOCKET = "/run/apinatord/apinatord.sock"


def put_in(text, replacements):
    """Replaces what a person would, each at the one place where it stands."""
    for old, new in replacements.items():
        assert text.count(old) == 1, f"{old!r} stands there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Proxy:
    """A proxy on a free port, that speaks HTTPS and runs as the account it has on Debian where that can be."""

    name = "events.example.com"

    def __init__(self):
        if not shutil.which(self.program):
            pytest.skip(f"there is no {self.program}")
        self.folder = Path(tempfile.mkdtemp(prefix="apinatord-proxy-"))
        self.folder.chmod(0o755)
        self.socket = self.folder / "apinatord.sock"
        self.port = free_port()
        self.certificate, self.key = make_certificate(self.folder, "proxy", self.name)
        self.account = self._account()
        self.process = None

    def _account(self):
        """Who the proxy is to the daemon; None where only root could make it somebody."""
        try:
            return pwd.getpwnam(self.user) if os.geteuid() == 0 else None
        except KeyError:
            return None

    @property
    def group(self):
        return grp.getgrgid(self.account.pw_gid if self.account else os.getegid()).gr_name

    def start(self):
        """Begins to serve; the daemon listens on `socket` by now."""
        if self.account:
            for path in (self.socket, self.key):
                os.chown(path, -1, self.account.pw_gid)
            self.key.chmod(0o640)
        self.log = (self.folder / "log").open("wb")
        # A process group of its own, so that nothing of it stays when it does not end by itself.
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)}, **self.options())  # fmt: skip
        self.client = self.open()
        poll(self._is_ready, what="the proxy is ready")

    def open(self, http2=False):
        """A client of the proxy; closing it closes the connection."""
        context = ssl.create_default_context(cafile=self.certificate)
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", headers={"Host": self.name}, verify=context, http1=not http2,
            http2=http2, trust_env=False, timeout=SECONDS, event_hooks={"request": [self._name]})  # fmt: skip

    def _name(self, request):
        """Speaks to an address as if it had been found by the proxy's name."""
        request.extensions["sni_hostname"] = self.name

    def _is_ready(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def options(self):
        return {}

    def stop(self):
        if self.process:
            self.client.close()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.log.close()
        shutil.rmtree(self.folder)


class Nginx(Proxy):
    """nginx, whose main file includes ours."""

    program, user, source = "nginx", "www-data", FOLDER / "nginx.conf"

    def command(self):
        site, main = self.folder / "site.conf", self.folder / "nginx.conf"
        site.write_text(
            put_in(
                self.source.read_text(),
                {
                    f"server unix:{SOCKET};": f"server unix:{self.socket};",
                    "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
                    "/etc/ssl/certs/events.example.com.pem": str(self.certificate),
                    "/etc/ssl/private/events.example.com.key": str(self.key),
                },
            )
        )
        user = f"user {self.user};" if self.account else ""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        main.write_text(
            f"daemon off; {user} pid {self.folder}/nginx.pid; error_log stderr; worker_processes 1;\n"
            f"events {{}} http {{ access_log off; {folders} include {site}; }}\n"
        )
        return ["nginx", "-p", str(self.folder), "-e", "stderr", "-c", str(main)]


class Caddy(Proxy):
    """Caddy, with a certificate of ours in place of one that it would get."""

    program, user, source = "caddy", "caddy", FOLDER / "Caddyfile"

    def command(self):
        file = self.folder / "Caddyfile"
        site = f"\nhttps://{self.name}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.certificate} {self.key}\n"
        text = put_in(
            self.source.read_text(), {"\nevents.example.com {\n": site, f"unix/{SOCKET} {{": f"unix/{self.socket} {{"}
        )
        options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2\n\t}\n}\n"
        file.write_text(options + text)
        storage = self.folder / "storage"
        storage.mkdir()
        if self.account:
            os.chown(storage, self.account.pw_uid, self.account.pw_gid)
        return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]

    def options(self):
        if not self.account:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
