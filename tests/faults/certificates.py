"""A certificate authority and certificates that it signed, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    certificate: Path
    key: Path


def authority(folder: Path) -> Certificate:
    made = Certificate(folder / "ca.pem", folder / "ca.key")
    _openssl("req", "-x509", *_new(made.key, made.certificate), "-days", "2", "-subj", "/CN=authority of a test")
    return made


def sign(by: Certificate, folder: Path, name: str) -> Certificate:
    """A certificate for localhost and 127.0.0.1."""
    made, request, extensions = Certificate(folder / f"{name}.pem", folder / f"{name}.key"), folder / name, folder / "x"
    _openssl("req", "-new", *_new(made.key, request), "-subj", f"/CN={name}")
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl("x509", "-req", "-in", request, "-CA", by.certificate, "-CAkey", by.key, "-CAcreateserial", "-days", "2",
             "-extfile", extensions, "-out", made.certificate)  # fmt: skip
    return made


def _new(key: Path, out: Path) -> list[str | Path]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", out]


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
