"""The groups of a record that say when, who and what kind, from values seen elsewhere.

The law of this module: nothing here reads a body; it only puts together what the opening, the
capture and the readings hold.
"""

from __future__ import annotations

import msgspec

from audit.exchange import Identity, Level, Opening
from audit.flags import Flag
from audit.ids import timestamp
from audit.record import ExchangeFacts, Request, Response, ResponseError, Safety, Timing, Usage
from audit.value import Json
from tap.capture import Captured
from tap.dialects.path_references import first_reference
from tap.dialects.reading import AnswerReading, RequestReading
from tap.dialects.registry import Route, deployment_in, model_in
from tap.endings import Decision
from tap.shapes import Shape

__all__ = [
    "capture_flags",
    "exchange_facts",
    "identity_of",
    "kept_request",
    "kept_response",
    "kept_safety",
    "kept_usage",
    "timing_of",
]

# With any of these, something that was said is not in the record.
_CUT = frozenset(
    (Flag.REQUEST_TRUNCATED, Flag.ANSWER_TRUNCATED, Flag.DECODED_TOO_LARGE, Flag.PIECES_MISSING)
)


def timing_of(opening: Opening, captured: Captured) -> Timing:
    """When things happened; what was not seen is null."""
    seen = captured.timing
    return Timing(
        received_at=timestamp(opening.received_at_ns),
        first_byte_at=timestamp(seen.first_ns) if seen.first_ns is not None else None,
        last_byte_at=timestamp(seen.last_ns) if seen.last_ns is not None else None,
        ttft_ms=_since(opening, seen.first_ns),
        duration_ms=_since(opening, captured.ended_ns),
        chunks=seen.chunks,
        gap_p50_ms=seen.gap_p50_ms,
        gap_p99_ms=seen.gap_p99_ms,
        gap_max_ms=seen.gap_max_ms,
    )


def _since(opening: Opening, instant_ns: int | None) -> float | None:
    """Milliseconds to the microsecond; a clock that was set back gives 0, not a negative."""
    if instant_ns is None:
        return None
    return max(0, instant_ns - opening.received_at_ns) // 1000 / 1000


def identity_of(opening: Opening, captured: Captured, asked: RequestReading) -> Identity:
    """The opening's identity, with what the answer's head and the body's own claims add."""
    identity = opening.identity
    head = captured.answer_head
    if head is not None and head.upstream_request_id is not None:
        identity = msgspec.structs.replace(identity, upstream_request_id=head.upstream_request_id)
    if opening.level is Level.NONE:
        return identity
    return msgspec.structs.replace(
        identity, user=identity.user or asked.user, session=identity.session or asked.session
    )


def exchange_facts(
    opening: Opening,
    captured: Captured,
    chosen: Route,
    asked: RequestReading,
    answered: AnswerReading,
    decision: Decision,
    shape: Shape,
    flags: set[Flag],
) -> ExchangeFacts:
    """What kind of exchange it was and how it went."""
    head = captured.answer_head
    return ExchangeFacts(
        dialect=chosen.dialect.name,
        operation=chosen.operation,
        method=opening.method,
        path=opening.target_path,
        api_version=opening.query.get("api-version"),
        deployment=deployment_in(opening.target_path) or opening.query.get("deployment"),
        requested_model=asked.model or opening.query.get("model") or model_in(opening.target_path),
        reported_model=answered.model,
        served_model=head.served_model if head is not None else None,
        system_fingerprint=answered.system_fingerprint,
        response_id=answered.response_id or first_reference("response", asked.request.references),
        previous_response_id=first_reference("previous_response", asked.request.references),
        status=captured.status,
        streamed=asked.stream is True if head is None else shape in (Shape.EVENTS, Shape.LINES),
        ending=decision.ending,
        ending_detail=decision.detail,
        truncated=bool(flags & _CUT),
        flags=tuple(sorted(str(flag) for flag in flags)),
    )


def capture_flags(captured: Captured, decision: Decision) -> set[Flag]:
    """What the capture itself says of the record's completeness."""
    said = {
        Flag.REQUEST_TRUNCATED: captured.request_cut,
        Flag.REQUEST_INCOMPLETE: not captured.request_whole,
        Flag.ANSWER_TRUNCATED: captured.answer_cut,
        Flag.ANSWER_INCOMPLETE: captured.answer_head is not None and not decision.whole,
        Flag.PIECES_MISSING: captured.missing > 0,
    }
    return {flag for flag, holds in said.items() if holds}


def kept_request(opening: Opening, asked: Request) -> Request:
    """The request as far as the level lets it be kept: at `none`, nothing of it."""
    return Request() if opening.level is Level.NONE else asked


def kept_response(opening: Opening, answered: Response) -> Response:
    """The answer as far as the level lets it be kept: at `none`, how each output finished."""
    if opening.level is not Level.NONE:
        return answered
    error = answered.error
    return Response(
        outputs=tuple(msgspec.structs.replace(output, parts=()) for output in answered.outputs),
        error=ResponseError(code=error.code, type=error.type) if error is not None else None,
    )


def kept_usage(opening: Opening, usage: Usage) -> Usage:
    """The counts; at `none`, what was reported without its words."""
    if opening.level is not Level.NONE:
        return usage
    return msgspec.structs.replace(usage, reported=_numbers(usage.reported))


def _numbers(reported: Json) -> Json:
    if isinstance(reported, dict):
        kept = {name: _numbers(inner) for name, inner in reported.items()}
        return {name: inner for name, inner in kept.items() if inner is not None}
    if isinstance(reported, list):
        return [_numbers(inner) for inner in reported]
    return reported if isinstance(reported, int | float) else None


def kept_safety(opening: Opening, safety: Safety) -> Safety:
    """The verdicts; at `none` without details, which may quote what was filtered."""
    if opening.level is not Level.NONE:
        return safety
    return Safety(
        prompt=tuple(msgspec.structs.replace(verdict, detail=None) for verdict in safety.prompt),
        outputs=tuple(
            msgspec.structs.replace(
                output,
                verdicts=tuple(
                    msgspec.structs.replace(verdict, detail=None) for verdict in output.verdicts
                ),
            )
            for output in safety.outputs
        ),
        signals=safety.signals,
    )
