"""What the tap listens with: its own certificate, and as many connections as the system allows.

The law: a file that cannot be used stops the program with one line that names the setting, before
anything starts.
"""

from __future__ import annotations

import resource
import ssl
from pathlib import Path

from audit.errors import SettingInvalid
from audit.settings import Settings

__all__ = ["listener_tls", "most_connections"]

# Descriptors that are not connections: spool, queue, control port, libraries.
_OTHER_FILES = 256


def listener_tls(settings: Settings) -> ssl.SSLContext | None:
    """Give the context for the traffic port, None for plain; at least TLS 1.2, HTTP/1.1 only.

    Raises `SettingInvalid`, naming the setting, for files that cannot be used.
    """
    certificate, key = settings.tap.tls_certificate, settings.tap.tls_key
    if certificate is None:
        if key is not None:
            raise SettingInvalid("setting tap.tls_certificate: is needed beside tap.tls_key")
        return None
    _readable(certificate, "tap.tls_certificate")
    if key is not None:
        _readable(key, "tap.tls_key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An empty passphrase: one that is needed must be an error, not a question at a terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        name = "tap.tls_key" if key is not None else "tap.tls_certificate"
        raise SettingInvalid(
            f"setting {name}: {key or certificate} holds no key (PEM, without passphrase) that"
            f" belongs to the certificate in {certificate}"
        ) from None
    return context


def _readable(path: Path, setting: str) -> None:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"setting {setting}: {path}: {error.strerror}") from None
    if b"-----BEGIN " not in text:
        raise SettingInvalid(f"setting {setting}: {path} is no PEM file")


def most_connections(wanted: int) -> int:
    """Raise the limit of open files as far as allowed; give how many connections it leaves.

    Each client may need a connection to the upstream beside its own.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted * 2 + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - _OTHER_FILES) // 2))
