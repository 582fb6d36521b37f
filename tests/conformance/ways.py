"""The ways between the ends of a stage: none, nginx, and the tap on either event loop."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from tests.conformance.cases import Case
from tests.conformance.stage import Stage, StalledError, staged
from tests.conformance.transcript import Transcript
from tests.harness.cutting import cut
from tests.harness.tap import RunningTap, running_tap

__all__ = ["NGINX", "TAPS", "WAYS", "played", "seen_of", "tapped"]

# Debian keeps it where only root's PATH looks.
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
TAPS = ("tap", "tap on uvloop")
WAYS = ("direct", "nginx", *TAPS)

_CONF = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log crit;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 0; large_client_header_buffers 8 64k;
  proxy_buffer_size 128k; proxy_buffers 8 128k;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream gateway {{ server 127.0.0.1:{upstream}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://gateway; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off;
    }}
  }}
}}
"""


def played(way: str, case: Case, folder: Path, *, seconds: float = 20.0) -> Transcript:
    """Play a case on an event loop of its own; the upstream's port is shown as `PORT`."""
    factory = uvloop.new_event_loop if way == "tap on uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_played(way, case, folder, seconds))


async def _played(way: str, case: Case, folder: Path, seconds: float) -> Transcript:
    async with staged(seconds) as stage:
        if way.startswith("tap"):
            async with tapped(stage, folder) as tap:
                seen = await seen_of(stage, case)
                endings = await _endings(stage, tap)
                return Transcript(seen.requests, seen.told, seen.after, endings)
        if way == "nginx":
            async with _nginx(stage, folder):
                return await seen_of(stage, case)
        return await seen_of(stage, case)


async def seen_of(stage: Stage, case: Case) -> Transcript:
    """Play a case on a stage that is set; what it stalled at is its outcome."""
    try:
        after = await case.play(stage)
    except StalledError as error:
        after = f"stalled: {error}"
    own, shown = b":%d" % stage.upstream_port, b":PORT"
    requests = tuple(each.replace(own, shown) for each in stage.requests)
    return Transcript(requests, b"".join(bytes(each.received) for each in stage.clients), after)


async def _endings(stage: Stage, tap: RunningTap) -> tuple[str, ...]:
    """Let both ends go, then read the records."""
    for line in [*stage.clients, *stage.upstreams]:
        cut(line.transport)
    return tuple(str(each.exchange.ending) for each in await tap.records())


@asynccontextmanager
async def tapped(stage: Stage, folder: Path) -> AsyncIterator[RunningTap]:
    """Put a tap between the ends."""
    async with running_tap(folder, stage.upstream_port) as tap:
        stage.port = tap.port
        yield tap


@asynccontextmanager
async def _nginx(stage: Stage, folder: Path) -> AsyncIterator[None]:
    """Put Debian's nginx between the ends, as a reverse proxy with buffering off."""
    assert NGINX is not None
    folder.mkdir(parents=True)  # noqa: ASYNC240 - nobody else is served on this loop
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = folder / "conf"
    conf.write_text(_CONF.format(folder=folder, port=port, upstream=stage.upstream_port))
    process = await asyncio.create_subprocess_exec(NGINX, "-p", str(folder), "-c", str(conf))
    try:
        await stage.bell.until_true(lambda: _listens(port))
        stage.port = port
        yield
    finally:
        process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
