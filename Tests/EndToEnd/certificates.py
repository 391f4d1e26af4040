"""Certificates for `localhost`, made by the openssl command."""

import subprocess


def make_certificate(folder, name, subject_name="localhost"):
    """A self-signed certificate for `subject_name`: its file and its key's."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{subject_name}"],
        check=True, capture_output=True)  # fmt: skip
    key.chmod(0o600)
    return certificate, key
