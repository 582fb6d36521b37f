"""Reassembly: from what the tap saw of an exchange to its record, or its records.

The law of this module: it is pure and total. The same capture gives the same record, whatever
the bytes are, and no bytes make it raise; what could not be understood is a flag. The work is
done in slices, so that whoever drives it can serve others in between. Two steps cannot be cut:
decoding one JSON document and digesting the finished records; both take time in proportion to
the capture limit.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from msgspec.structs import replace

from audit.digest import KeyedDigest, commitment
from audit.exchange import Ending, Opening
from audit.flags import Flag
from audit.record import AuditRecord, Integrity, Retention, TapRef
from audit.sheaf import Sheaf, record_id
from audit.value import Value
from tap.bodies import check_content, check_document, gathered, held_of, stream_of
from tap.capture import Captured
from tap.dialects.json_body import as_utf8, read_body
from tap.dialects.keeping import Keeper
from tap.dialects.opaque import read_plain
from tap.dialects.path_references import references_in
from tap.dialects.reading import (
    AnswerReading,
    Body,
    Fold,
    ReadsPlain,
    ReadsSessions,
    RequestReading,
    SessionTurn,
)
from tap.dialects.registry import Route, route
from tap.encodings import PIECE, pieces
from tap.endings import Decision, decide
from tap.facts import (
    capture_flags,
    exchange_facts,
    identity_of,
    kept_request,
    kept_response,
    kept_safety,
    kept_usage,
    timing_of,
)
from tap.held import Held
from tap.session_times import Moments, timing_of_turn
from tap.sessions import read_session, switched
from tap.shapes import HEAD, Shape, shape_of
from tap.sse import Event, SseDecoder
from tap.wire_json import NOT_JSON

__all__ = ["assemble", "assemble_steps"]

# After how many lines of an answer in lines the next slice begins, and after how many characters
# of events: thousands may have come at once.
_LINES = 256
_EVENTS = 4096

# What a hole in the capture may have taken, nobody knows: each record of a session says so.
_ANYWHERE = frozenset((Flag.PIECES_MISSING,))
_ALL_FLAGS = frozenset(Flag)

_BROKEN = frozenset((Flag.ENCODING_DAMAGED, Flag.ENCODING_TRUNCATED, Flag.DECODED_TOO_LARGE))


def assemble(opening: Opening, captured: Captured, *, digest_key: bytes, salt: str) -> Sheaf:
    """Make the exchange's records in one go. Pure; raises nothing for any bytes.

    There is one, or one for each response of a session. `digest_key` keys the digests of raw
    content and the commitment, into which `salt` (hex) goes.
    """
    steps = assemble_steps(opening, captured, digest_key=digest_key, salt=salt)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            records: Sheaf = end.value
            return records


def assemble_steps(
    opening: Opening, captured: Captured, *, digest_key: bytes, salt: str, most: int | None = None
) -> Generator[None, None, Sheaf]:
    """Make the records in slices of bounded work; the generator's value are the records.

    Raises `TooLargeError` for a body that its content coding makes larger than `most` bytes, and,
    where `most` is given, for one that cannot be read in a short step.
    """
    digest = KeyedDigest(digest_key)
    chosen = route(opening.method, opening.target_path, opening.upgrade)
    if switched(captured) and isinstance(chosen.dialect, ReadsSessions):
        turns = yield from read_session(captured, chosen.dialect, digest, most)
        records = yield from _session(opening, captured, chosen, turns, digest)
    else:
        asked = yield from _read_request(opening, captured, chosen, digest, most)
        answer = yield from _read_answer(captured, chosen, digest, most)
        yield
        decision = _decide(opening, captured, chosen, answer)
        records = (_record(opening, captured, chosen, asked, answer, decision),)
    yield
    first, *further = records
    said = commitment(first, salt, digest_key, further)
    sealed = Integrity(salt=salt, commitment=said)
    return tuple(replace(record, integrity=sealed) for record in records)


def _session(
    opening: Opening,
    captured: Captured,
    chosen: Route,
    turns: Sequence[tuple[SessionTurn, Moments]],
    digest: KeyedDigest,
) -> Generator[None, None, Sheaf]:
    """A record for each turn of a session. How the session ended, the last of them says."""
    read = [_Answer(reading=turn.answered, shape=Shape.EVENTS) for turn, _ in turns]
    end = _decide(opening, captured, chosen, read[-1])
    sent = _digest_of(captured.request_body, digest) if captured.request_body else None
    records: list[AuditRecord] = []
    for at, ((turn, moments), answer) in enumerate(zip(turns, read, strict=True)):
        asked = _sealed(opening, chosen, turn.asked, sent)
        last = at == len(turns) - 1
        decision = end if last else _of_turn(answer.reading, end)
        record = _record(opening, captured, chosen, asked, answer, decision, last=last)
        alone = len(turns) == 1
        timing = timing_of_turn(record.timing, captured.ended_ns, moments, alone=alone)
        records.append(_in_sheaf(replace(record, timing=timing), at + 1, len(turns)))
        yield
    return tuple(records)


def _of_turn(answered: AnswerReading, end: Decision) -> Decision:
    """How a response ended that was not the last: by itself, or with the session."""
    if not answered.terminal:
        return end
    ending = answered.ending or Ending.COMPLETE
    return Decision(ending=ending, detail=answered.detail, whole=True)


def _in_sheaf(record: AuditRecord, nth: int, records: int) -> AuditRecord:
    if records == 1:
        return record
    name = record_id(record.id, nth)
    return replace(record, id=name, tap=replace(record.tap, record=nth, records=records))


class _Answer(Value, frozen=True):
    """An answer as read: what it says, what its body was, and what reading it showed."""

    reading: AnswerReading
    shape: Shape
    flags: frozenset[Flag] = frozenset()


def _decide(opening: Opening, captured: Captured, chosen: Route, answer: _Answer) -> Decision:
    return decide(opening.method, captured, answer.reading, answer.shape, has_terminal=chosen.read)


def _record(
    opening: Opening,
    captured: Captured,
    chosen: Route,
    asked: RequestReading,
    answer: _Answer,
    decision: Decision,
    *,
    last: bool = True,
) -> AuditRecord:
    """One record; what is wrong of the whole capture is said in the exchange's last one."""
    answered = answer.reading
    flags = {*asked.flags, *answered.flags, *answer.flags}
    flags |= capture_flags(captured, decision) & (_ALL_FLAGS if last else _ANYWHERE)
    if decision.recovered:
        flags.add(Flag.RECOVERED)
    flags |= _surprises(captured, chosen, asked, answer.shape)
    number = opening.number
    return AuditRecord(
        id=opening.id,
        consumer=opening.consumer,
        day=opening.day,
        level=opening.level,
        tap=TapRef(name=number.tap, boot=number.boot, seq=number.seq),
        exchange=exchange_facts(
            opening, captured, chosen, asked, answered, decision, answer.shape, flags
        ),
        timing=timing_of(opening, captured),
        identity=identity_of(opening, captured, asked),
        request=kept_request(opening, asked.request),
        response=kept_response(opening, answered.response),
        safety=kept_safety(opening, answered.safety),
        usage=kept_usage(opening, answered.usage),
        retention=Retention(expires_at=opening.expires_at),
    )


def _surprises(captured: Captured, chosen: Route, asked: RequestReading, shape: Shape) -> set[Flag]:
    """Answers of another kind than was asked for."""
    head = captured.answer_head
    if head is None or head.status >= 400 or not chosen.read:
        return set()
    if asked.stream and shape in (Shape.JSON, Shape.OTHER):
        return {Flag.STREAM_ANSWERED_PLAIN}
    if shape is Shape.EVENTS and asked.request.messages and asked.stream is False:
        return {Flag.PLAIN_ANSWERED_STREAM}
    return set()


def _read_request(
    opening: Opening, captured: Captured, chosen: Route, digest: KeyedDigest, most: int | None
) -> Generator[None, None, RequestReading]:
    if not captured.request_body:
        return _sealed(opening, chosen, RequestReading(), None)
    flags: set[Flag] = set()
    content = held_of(captured.request_body, opening.content_encoding)
    if content is None:
        stream = stream_of(captured.request_body, opening.content_encoding, flags, most)
        content = yield from gathered(stream)
    check_content(content, most)
    broken = not captured.request_whole or captured.request_cut or bool(flags & _BROKEN)
    body = Body(content=content, content_type=opening.content_type, broken=broken)
    keeper = Keeper(digest)
    reading = keeper.restored(chosen.dialect.request(body, keeper))
    sent = _digest_of(captured.request_body, digest)
    sealed = _sealed(opening, chosen, reading, sent)
    return replace(sealed, flags=sealed.flags | flags)


def _digest_of(body: bytes | Held, digest: KeyedDigest) -> str:
    return digest.of(body.windows())[1] if isinstance(body, Held) else digest(body)


def _sealed(
    opening: Opening, chosen: Route, asked: RequestReading, sent: str | None
) -> RequestReading:
    """A reading with what the path names, and with the digest over all that was `sent`."""
    named = references_in(opening.target_path, chosen.operation)
    request = replace(
        asked.request,
        references=(*named, *asked.request.references),
        prompt_digest=sent,
    )
    return replace(asked, request=request)


def _read_answer(
    captured: Captured, chosen: Route, digest: KeyedDigest, most: int | None
) -> Generator[None, None, _Answer]:
    head = captured.answer_head
    flags: set[Flag] = set()
    coding = head.content_encoding if head else None
    stream = stream_of(captured.answer_body, coding, flags, most)
    start = b""
    for piece in stream:
        start += piece
        yield
        if len(start) >= HEAD:
            break
    content_type = head.content_type if head else None
    status = captured.status or 0
    shape = shape_of(start[:HEAD], content_type)
    keeper = Keeper(digest)
    if shape is Shape.EVENTS:
        fold = chosen.dialect.fold()
        reading = yield from _read_events(start, stream, fold, keeper, flags, most)
        return _Answer(reading=reading, shape=shape, flags=frozenset(flags))
    content = held_of(captured.answer_body, coding)
    if content is None:
        content = yield from gathered(stream, start)
    check_content(content, most)
    broken = not captured.answer_whole or captured.answer_cut or bool(flags & _BROKEN)
    body = Body(content=content, content_type=content_type, broken=broken)
    if shape is Shape.LINES:
        reading = yield from _read_lines(body, chosen.dialect.fold(), keeper)
    elif shape is Shape.JSON:
        reading = keeper.restored(_read_json(body, chosen, status, keeper))
    else:
        reading = _read_other(body, chosen, status, shape, keeper)
    return _Answer(reading=reading, shape=shape, flags=frozenset(flags))


def _read_events(
    start: bytes,
    stream: Iterator[bytes],
    fold: Fold,
    keeper: Keeper,
    flags: set[Flag],
    most: int | None,
) -> Generator[None, None, AnswerReading]:
    decoder = SseDecoder()
    for piece in _sliced(start, stream):
        weight = 0
        for event in decoder.feed(piece):
            check_document(event.data, most)
            fold.feed(event)
            weight += len(event.data)
            if weight >= _EVENTS:
                weight = 0
                yield
        yield
    for event in decoder.finish():
        check_document(event.data, most)
        fold.feed(event)
    if decoder.invalid_utf8:
        flags.add(Flag.INVALID_UTF8)
    if decoder.unterminated:
        flags.add(Flag.UNTERMINATED_FINAL_EVENT)
    return fold.reading(keeper)


def _sliced(start: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    """Decoders may give more at once than one slice should hold."""
    yield from pieces(start)
    for piece in stream:
        if len(piece) > PIECE:
            yield from pieces(piece)
        else:
            yield piece


def _read_lines(body: Body, fold: Fold, keeper: Keeper) -> Generator[None, None, AnswerReading]:
    """Read an answer in lines, each of which is to its fold what an event's data would be."""
    for number, line in enumerate(as_utf8(body.data, keeper).split("\n")):
        if line.strip():
            fold.feed(Event(data=line, type="line"))
        if number % _LINES == 0:
            yield
    return fold.reading(keeper)


def _read_json(body: Body, chosen: Route, status: int, keeper: Keeper) -> AnswerReading:
    """Read a JSON body; one that broke off is read as far as it goes and is not the end."""
    value = read_body(body, keeper, Flag.ANSWER_SALVAGED)
    if value is NOT_JSON:
        reader = _plain_reader(chosen, status)
        # A transcript may begin with a bracket, and a sound with anything.
        if reader is not None and "json" not in (body.content_type or "").lower():
            return reader.plain(body, keeper)
        keeper.flags.add(Flag.ANSWER_UNPARSED)
        return AnswerReading(flags=frozenset(keeper.flags))
    reading = chosen.dialect.answer(value, keeper)
    if Flag.ANSWER_SALVAGED in keeper.flags:
        return replace(reading, terminal=False)
    return reading


def _read_other(
    body: Body, chosen: Route, status: int, shape: Shape, keeper: Keeper
) -> AnswerReading:
    """Read what is neither; few formats that have a reader send such a body in success."""
    reader = _plain_reader(chosen, status)
    if reader is not None and shape is Shape.OTHER:
        return reader.plain(body, keeper)
    if chosen.read and shape is Shape.OTHER and status < 400:
        keeper.flags.add(Flag.ANSWER_MALFORMED)
    return read_plain(body, status, keeper)


def _plain_reader(chosen: Route, status: int) -> ReadsPlain | None:
    """Who reads a successful answer of bare text or sound, where the format has such answers."""
    return chosen.dialect if status < 400 and isinstance(chosen.dialect, ReadsPlain) else None
