"""A private authority that issues certificates of every kind, made by the openssl command."""

import subprocess

PAST, PRESENT, FUTURE = (
    ("20200101000000Z", "20210101000000Z"),
    ("20240101000000Z", "20460101000000Z"),
    ("20450101000000Z", "20460101000000Z"),
)

SETTINGS = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[constrained]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
nameConstraints = critical,permitted;DNS:inside.test
[named]
subjectAltName = DNS:localhost
[elsewhere]
subjectAltName = DNS:elsewhere.test
[unnamed]
basicConstraints = CA:FALSE
"""


class Authority:
    def __init__(self, folder):
        self.folder = folder
        (folder / "index.txt").write_text("")
        self.settings = folder / "settings"
        self.settings.write_text(SETTINGS.format(folder=folder))
        self.certificate, self.key = self.self_signed("ca", "authority")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def _request(self, name, *arguments):
        key = self.folder / f"{name}.key"
        self._openssl(
            "req", "-new", "-config", self.settings, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, *arguments)  # fmt: skip
        return key

    def self_signed(self, name, section="named"):
        """A certificate signed by itself: its file and its key's."""
        file = self.folder / f"{name}.pem"
        key = self._request(
            name, "-x509", "-days", "30", "-extensions", section, "-subj", f"/CN=authority {name}", "-out", file
        )
        return file, key

    def issue(self, name, section="named", validity=PRESENT, signer=None, subject="localhost"):
        """A certificate, with that of `signer` (its file and its key's) behind it when that is not the authority."""
        file, request = self.folder / f"{name}.pem", self.folder / f"{name}.csr"
        key = self._request(name, "-subj", f"/CN={subject}", "-out", request)
        certificate, signing_key = signer or (self.certificate, self.key)
        self._openssl(
            "ca", "-batch", "-notext", "-config", self.settings, "-cert", certificate, "-keyfile", signing_key,
            "-extensions", section, "-startdate", validity[0], "-enddate", validity[1],
            "-in", request, "-out", file)  # fmt: skip
        if signer:
            file.write_bytes(file.read_bytes() + certificate.read_bytes())
        return file, key
