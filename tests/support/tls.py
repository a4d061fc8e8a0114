"""A certificate for 127.0.0.1 and localhost, made for one test run, and the trust in it."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import find

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"
_SIGNS = "keyUsage=critical,keyCertSign,cRLSign"  # Python 3.13 and later believe no authority that does not say so


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a certificate, its key, and the certificate of whoever signed it, all PEM."""

    certificate: Path
    key: Path
    authority: Path

    def trusting(self) -> ssl.SSLContext:
        """Make the context of a client that trusts this certificate."""
        return ssl.create_default_context(cafile=str(self.authority))

    def serving(self) -> ssl.SSLContext:
        """Make the context of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificate(folder: Path) -> Certificate:
    """Write a self-signed certificate, valid for a day, into *folder*."""
    certificate, key = folder / "server.crt", folder / "server.key"
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-days", "1", "-subj", "/CN=localhost", "-addext", _NAMES),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    return Certificate(certificate, key, authority=certificate)


def make_signed_certificate(folder: Path) -> Certificate:
    """Write an authority and a certificate that it signed, both valid for a day, into *folder*."""
    authority, authority_key = folder / "authority.crt", folder / "authority.key"
    certificate, key, request = folder / "signed.crt", folder / "signed.key", folder / "signed.csr"
    names = folder / "names"
    names.write_text(f"{_NAMES}\nauthorityKeyIdentifier=keyid\n", "ascii")
    _openssl(
        *("req", "-x509", *_NEW_KEY, "-days", "1", "-subj", "/CN=An authority for tests", "-addext", _SIGNS),
        *("-keyout", str(authority_key), "-out", str(authority)),
    )
    _openssl("req", *_NEW_KEY, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(request))
    _openssl(
        *("x509", "-req", "-days", "1", "-in", str(request), "-extfile", str(names), "-out", str(certificate)),
        *("-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial"),
    )
    return Certificate(certificate, key, authority)


def _openssl(*arguments: str) -> None:
    subprocess.run([find("openssl"), *arguments], check=True, capture_output=True)
