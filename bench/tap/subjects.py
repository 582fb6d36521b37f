"""What is measured: the way straight to the upstream, nginx, and the tap with its full audit.

Each is a process of its own whose CPU time and memory are read from /proc, threads and all.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from storage.key_making import make_keys

__all__ = ["Subject", "audited", "start_nginx", "start_tap", "start_upstream"]

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream gateway {{ server 127.0.0.1:{upstream}; {kept} }}
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""
_KEPT = "keepalive 256; keepalive_requests 1000000;"


@dataclass
class Subject:
    """Something that listens on `port`; `workers` are the processes whose cost counts."""

    name: str
    port: int
    process: subprocess.Popen[str] | None = None
    workers: list[int] = field(default_factory=list)
    control: int = 0

    def cpu_ms(self) -> float:
        """CPU time of all threads of its working processes so far."""
        return sum(_on_cpu(pid) for pid in self.workers) / 1e6

    def memory_kib(self, *, peak: bool = False) -> int:
        """Resident memory now, or at its highest."""
        word = "VmHWM" if peak else "VmRSS"
        found = 0
        for pid in self.workers:
            status = Path(f"/proc/{pid}/status").read_text()
            match = re.search(rf"{word}:\s+(\d+)", status)
            found += int(match.group(1)) if match else 0
        return found

    def stop(self) -> None:
        """End it; only what was started here."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


def _on_cpu(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def start_upstream() -> Subject:
    """The upstream, which is also what the direct way leads to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.tap.upstream"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    return Subject("direct", int(process.stdout.readline()), process, [process.pid])


def start_nginx(name: str, folder: Path, upstream: int, *, kept: bool) -> Subject:
    """Debian's nginx with one worker and buffering off; `kept` keeps upstream connections."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        raise SystemExit("nginx is missing: apt-get install nginx-light")
    folder.mkdir(parents=True)
    port = _free_port()
    conf = folder / "nginx.conf"
    conf.write_text(
        _NGINX.format(folder=folder, port=port, upstream=upstream, kept=_KEPT if kept else "")
    )
    process = subprocess.Popen([binary, "-p", str(folder), "-c", str(conf)], text=True)
    _until_listening(port, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return Subject(name, port, process, [int(each) for each in children])


def start_tap(folder: Path, upstream: int) -> Subject:
    """`auditstream tap`: reassembly, seal, spool and queue in one process, as it ships."""
    port, control = _free_port(), _free_port()
    make_keys(folder / "keys")
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "tap", "--upstream", f"http://127.0.0.1:{upstream}"],
        env=os.environ
        | {
            "AUDITSTREAM_LISTEN": f"127.0.0.1:{port}",
            "AUDITSTREAM_DATA": str(folder / "data"),
            "AUDITSTREAM_KEYS": str(folder / "keys"),
            "AUDITSTREAM_TAP__CONTROL": f"127.0.0.1:{control}",
            "AUDITSTREAM_LOG_LEVEL": "warning",
        },
        stdout=subprocess.DEVNULL,
        text=True,
    )
    _until_listening(port, process)
    return Subject("tap", port, process, [process.pid], control)


def audited(tap: Subject) -> str:
    """Say how many exchanges the tap made records of, and how many the queue holds."""
    address = f"http://127.0.0.1:{tap.control}/metrics"
    with urllib.request.urlopen(address) as answer:
        text = answer.read().decode()
    ended = sum(_values(text, "auditstream_exchanges_total"))
    shipped = sum(_values(text, "auditstream_shipped_total"))
    return f"\n{ended:.0f} exchanges recorded, {shipped:.0f} of them shipped to the queue"


def _values(text: str, metric: str) -> list[float]:
    found = re.findall(rf"^{metric}(?:\{{[^}}]*\}})? (\S+)", text, re.MULTILINE)
    return [float(each) for each in found]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _until_listening(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")
