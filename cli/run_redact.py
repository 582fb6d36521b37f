"""`auditstream redact`: a policy tried out on text, the way a worker would take it.

The law: text goes out redacted or not at all. What cannot be redacted is named on standard error,
by its line and an error's code, and never repeated. Nothing is stored, and no key is read:
pseudonyms are made with a key that is drawn for the run and forgotten with it, so that nobody can
look up by them who said what.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, TextIO

from audit.errors import AuditStreamError, TextTooLarge
from audit.exchange import Level
from audit.reading.neutral import neutral_line
from audit.reading.words import gap
from audit.settings import Settings
from cli.detectors import detectors_of
from cli.lines import first_line, lines_of
from cli.logs import configure_for
from cli.metrics import Metrics
from cli.policies import policy_of
from cli.redaction_child import redactor_of
from cli.render.trial import trial_json
from cli.trial_lines import Asked, NotReadable, asked_of, says_text
from redaction.trial import RedactedText

if TYPE_CHECKING:
    # Imported by whoever builds it: Presidio comes with it.
    from redaction.redactor import Redactor

__all__ = ["run_redact"]

_CHUNK = 64 * 1024
_KEY_BYTES = 32
# A character beyond the basic plane, escaped in JSON, has twelve; the same in UTF-8 four.
_JSON_BYTES, _PLAIN_BYTES = 12, 4
# For a line's other members.
_SPARE = 64 * 1024


@dataclass(slots=True)
class _Trial:
    """A run: what redacts and how, where the result goes, and how it went so far."""

    redactor: Redactor
    level: Level
    everything: bool
    out: BinaryIO
    told: TextIO
    most_chars: int
    failed: bool = False
    missing: Counter[str] = field(default_factory=Counter)

    async def lines(self, chunks: Iterable[bytes]) -> None:
        """Redact JSON Lines, those that came together at one go."""
        for lines in lines_of(chunks, self.most_chars * _JSON_BYTES + _SPARE):
            asked: list[Asked] = []
            for line in lines:
                try:
                    asked += asked_of(line)
                except NotReadable as why:
                    self._refuse(f"line {line.number}: {why}")
            for each, made in zip(asked, await self._made(asked), strict=True):
                if isinstance(made, RedactedText):
                    self._write(made)
                else:
                    self._refuse(f"line {each.number}: {_said(made)}")
            self.out.flush()

    async def whole(self, chunks: Iterable[bytes], *, as_json: bool) -> None:
        """Redact all of it as one text."""
        try:
            text = _text(chunks, self.most_chars * _PLAIN_BYTES)
        except NotReadable as why:
            self._refuse(str(why))
            return
        except TextTooLarge as error:
            self._refuse(_said(error))
            return
        (made,) = await self._made([Asked(1, text)])
        if not isinstance(made, RedactedText):
            self._refuse(_said(made))
        elif as_json:
            self._write(made)
        else:
            self._count(made)
            self.out.write(made.text.encode())
        self.out.flush()

    async def _made(self, asked: Sequence[Asked]) -> Sequence[RedactedText | AuditStreamError]:
        """Redact texts together; where that fails each by itself, so that only its own fail."""
        try:
            return await self.redactor.redact_texts([each.text for each in asked], self.level)
        except AuditStreamError as error:
            if len(asked) == 1:
                return [error]
        return [made for each in asked for made in await self._made([each])]

    def _write(self, made: RedactedText) -> None:
        self._count(made)
        self.out.write(trial_json(made, everything=self.everything))

    def _count(self, made: RedactedText) -> None:
        self.missing.update(made.missing)

    def _refuse(self, why: str) -> None:
        self.failed = True
        _say(self.told, why)


def run_redact(
    settings: Settings, *, lines: bool | None, as_json: bool, level: str, everything: bool
) -> int:
    """Redact standard input; 1 when something in it could not be, else 0.

    `lines` says whether it is JSON Lines; None has it told from the first line.
    """
    out, told = sys.stdout.buffer, sys.stderr
    configure_for("redact", settings)

    async def run() -> bool:
        async with detectors_of(settings, Metrics()) as detectors:
            key = secrets.token_bytes(_KEY_BYTES)
            redactor = redactor_of(settings, key, *detectors.values())
            _tell_limits(told, redactor, Level(level))
            most = policy_of(settings).max_text_chars
            trial = _Trial(redactor, Level(level), everything, out, told, most)
            await _redact(trial, lines, as_json=as_json)
            for name, count in sorted(trial.missing.items()):
                _say(told, f"{name} is optional and did not answer for {count} of the texts")
            return trial.failed

    # What a library prints must not end up among the results.
    with redirect_stdout(told):
        return int(asyncio.run(run()))


async def _redact(trial: _Trial, lines: bool | None, *, as_json: bool) -> None:
    chunks = _chunks(sys.stdin.buffer)
    if lines is None and not as_json:
        read, line = first_line(chunks, trial.most_chars * _JSON_BYTES)
        chunks = chain((read,), chunks)
        lines = says_text(line)
    if lines:
        await trial.lines(chunks)
    else:
        await trial.whole(chunks, as_json=as_json)


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    """Give what there is to read when it is there: whoever sends a line may wait for the answer."""
    read: Callable[[int], bytes] = getattr(source, "read1", source.read)
    while chunk := read(_CHUNK):
        yield chunk


def _text(chunks: Iterable[bytes], limit: int) -> str:
    """Read a text to its end. Raises `TextTooLarge` beyond `limit` bytes, `NotReadable`."""
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) > limit:
            raise TextTooLarge
    try:
        return read.decode()
    except UnicodeDecodeError as error:
        raise NotReadable(f"the text is no UTF-8 from byte {error.start} on") from None


def _tell_limits(told: TextIO, redactor: Redactor, level: Level) -> None:
    for code in redactor.gaps:
        _say(told, gap(code))
    if level is Level.PSEUDONYMISED:
        _say(told, "pseudonyms are of this run alone, and not those of the records")


def _said(error: AuditStreamError) -> str:
    return f"{error} ({error.code})"


def _say(told: TextIO, line: str) -> None:
    told.write(f"auditstream: {neutral_line(line)}\n")
    told.flush()
