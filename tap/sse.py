"""Server-sent events from bytes: push bytes in, pull events out.

The law of this module: it follows the event-stream grammar of the WHATWG HTML standard (§9.2.6)
with two deliberate differences. A browser discards what stands before the end of the stream
without a blank line; a witness does not, so the last event is given out and marked. And to a
browser a line that opens with a brace is a field it does not know; it is how an error looks that
was written bare into a stream under way (Gemini's are), so such lines, up to a blank one or the
next field, are an event's data too. How the bytes were cut into pieces never changes the events,
and the work is linear in their number: nothing is searched or joined twice.
"""

from __future__ import annotations

import codecs

from audit.value import Value

__all__ = ["Event", "SseDecoder"]


# What ends bare lines beside a blank one: the next event's own fields.
_FIELDS = ("data:", "event:", "id:", "retry:", ":")


class Event(Value, frozen=True, gc=False):
    """One event: its type (`message` where none was named) and its data lines joined by LF.

    `id` is the last event id in force. `unterminated` marks an event that the end of the stream
    closed instead of a blank line.
    """

    data: str
    type: str = "message"
    id: str = ""
    unterminated: bool = False


class SseDecoder:
    """Turns one stream's bytes into events, however they are cut.

    After `finish` nothing more may be fed. `comments` counts comment lines, `retry` is the last
    reconnection time asked for in milliseconds, `invalid_utf8` says that bytes were replaced by
    U+FFFD, `unterminated` that the stream ended inside an event.
    """

    def __init__(self) -> None:
        self.comments = 0
        self.retry: int | None = None
        self.last_event_id = ""
        self.invalid_utf8 = False
        self.unterminated = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._at_start = True
        self._after_cr = False
        self._line: list[str] = []
        self._data: list[str] = []
        self._bare: list[str] = []
        self._type = ""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the events they complete, in order. Never raises."""
        return self._advance(self._text(data))

    def finish(self) -> list[Event]:
        """Take the end of the stream; give the event it cut short, if there was one."""
        self._utf8.errors = "replace"
        events = self._advance(self._utf8.decode(b"", final=True))
        rest = "".join(self._line)
        self._line.clear()
        if rest:
            self._take_line(rest)
        self.unterminated = bool(self._data or self._bare)
        return events + self._dispatched(unterminated=True)

    def _text(self, data: bytes) -> str:
        """Decode strictly first, so that a replacement is known to be one."""
        try:
            return self._utf8.decode(data)
        except UnicodeDecodeError:
            self.invalid_utf8 = True
            self._utf8.errors = "replace"
            text = self._utf8.decode(data)
            self._utf8.errors = "strict"
            return text

    def _advance(self, text: str) -> list[Event]:
        if not text:
            return []
        text = self._unify_line_ends(self._without_bom(text))
        if "\n" not in text:
            self._line.append(text)
            return []
        lines = text.split("\n")
        if self._line:
            self._line.append(lines[0])
            lines[0] = "".join(self._line)
        rest = lines.pop()
        self._line = [rest] if rest else []
        return self._events(lines)

    def _without_bom(self, text: str) -> str:
        if not self._at_start:
            return text
        self._at_start = False
        return text.removeprefix("\ufeff")

    def _unify_line_ends(self, text: str) -> str:
        """Make CRLF and CR into LF; a CRLF cut in two by a chunk border is still one line end."""
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _events(self, lines: list[str]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            if line.startswith("data: "):
                self._data.append(line[6:])
            elif line:
                self._take_line(line)
            elif self._data or self._bare:
                events += self._dispatched()
            else:
                self._type = ""
        return events

    def _take_line(self, line: str) -> None:
        if line[0] == "{" or (self._bare and not line.startswith(_FIELDS)):
            self._bare.append(line)
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "":
            self.comments += 1
        elif name == "id" and "\0" not in value:
            self.last_event_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            # Ten digits of milliseconds are four months; longer numbers are noise, and the
            # interpreter refuses to read very long ones at all.
            self.retry = int(value[:10])

    def _dispatched(self, *, unterminated: bool = False) -> list[Event]:
        events = [self._dispatch(unterminated=unterminated)] if self._data else []
        if self._bare:
            bare = "\n".join(self._bare)
            kind, self._type = self._type or "message", ""
            self._bare.clear()
            events.append(
                Event(data=bare, type=kind, id=self.last_event_id, unterminated=unterminated)
            )
        return events

    def _dispatch(self, *, unterminated: bool = False) -> Event:
        data = self._data[0] if len(self._data) == 1 else "\n".join(self._data)
        event = Event(
            data=data,
            type=self._type or "message",
            id=self.last_event_id,
            unterminated=unterminated,
        )
        self._data.clear()
        self._type = ""
        return event
