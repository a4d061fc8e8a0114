"""A certificate for 127.0.0.1 and localhost, made for one test run, and the trust in it."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a certificate and its key, both PEM."""

    certificate: Path
    key: Path

    def trusting(self) -> ssl.SSLContext:
        """Make the context of a client that trusts this certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def serving(self) -> ssl.SSLContext:
        """Make the context of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(folder: Path) -> Certificate:
    """Write a self-signed certificate, valid for a day, into *folder*."""
    made = Certificate(folder / "server.crt", folder / "server.key")
    subprocess.run(
        [
            *(find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return made
