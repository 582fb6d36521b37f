"""OpenAI's and Azure's realtime API: sessions over WebSocket, and the calls that prepare them.

The law of this module: what the preparing calls give out as a key is never kept. The description
of a call's media (SDP), which may hold passwords too, is type, size and digest. The media of a call
over WebRTC or SIP pass no HTTP proxy, so that only its settings are seen.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.record import Message, Output, Response
from audit.value import Json
from tap.dialects.error_bodies import error_in, error_reading
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.multipart import FormPart, boundary_of, form_parts
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.dialects.realtime_session import RealtimeSession
from tap.dialects.responses_content import cleaned
from tap.wire_json import as_dict, dump

__all__ = ["OpenAIRealtime"]

_SDP = "application/sdp"


class OpenAIRealtime:
    """Reads `openai.realtime`."""

    name = DialectName.OPENAI_REALTIME

    def session(self) -> RealtimeSession:
        """Begin to read a session over WebSocket."""
        return RealtimeSession()

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the settings of a session that is to come, bare or beside its SDP."""
        if _is_sdp(body.content_type):
            return _described([body.data], RequestReading(), keeper)
        boundary = boundary_of(body.content_type)
        if boundary is not None:
            return self._form(form_parts(body.content, boundary), keeper)
        # It is written anew for the session, which has keepers of its own.
        value = keeper.restored(read_object(body, keeper))
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        return self._settings(value, keeper)

    def _form(self, fields: list[FormPart], keeper: Keeper) -> RequestReading:
        said = {field.name: field for field in fields}
        settings = said.pop("session", None)
        reading = RequestReading(stream=False)
        if settings is not None:
            reading = self.request(Body(content=settings.content), keeper)
        elif not said:
            keeper.flags.add(Flag.REQUEST_UNPARSED)
        return _described([field.data for field in said.values()], reading, keeper)

    def _settings(self, value: dict[str, Json], keeper: Keeper) -> RequestReading:
        """A session's settings are those of its first update."""
        held = value.get("session")
        settings = held if isinstance(held, dict) else value
        session = RealtimeSession()
        session.client(dump({"type": "session.update", "session": settings}))
        beside = {} if settings is value else {**value, "session": None}
        kept = {name: each for name, each in beside.items() if each is not None}
        turn = next(session.turns(keeper.digest, 1))
        return _once(turn.asked, keeper.kept(kept))

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a session that was made ready, without the key to it."""
        error = error_in(value)
        if error:
            return error_reading(error, keeper)
        body = as_dict(value)
        session = as_dict(body.get("session")) or body
        # The key stands under `value`, bare or in an object of its own.
        kept = keeper.as_extra("body", value, guarded=True)
        return AnswerReading(
            response=Response(outputs=(Output(index=0, parts=(kept, *keeper.media)),)),
            model=cleaned(session.get("model")),
            response_id=cleaned(session.get("id")),
            terminal=True,
            flags=frozenset(keeper.flags),
        )

    def plain(self, body: Body, keeper: Keeper) -> AnswerReading:
        """Read the SDP that answers a call."""
        media = keeper.bytes_as_media(body.data, _SDP)
        return AnswerReading(
            response=Response(outputs=(Output(index=0, parts=(media,)),)),
            terminal=not body.broken,
            flags=frozenset(keeper.flags),
        )

    def fold(self) -> LooseFold:
        """Begin to read a stream, which no such call has."""
        return LooseFold()


def _is_sdp(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == _SDP


def _described(sent: list[bytes], reading: RequestReading, keeper: Keeper) -> RequestReading:
    """A reading with what describes the call's media."""
    parts = tuple(keeper.bytes_as_media(each, _SDP) for each in sent)
    beside = (Message(role="unknown", parts=parts),) if parts else ()
    request = replace(reading.request, messages=(*reading.request.messages, *beside))
    return replace(reading, request=request, flags=reading.flags | keeper.flags)


def _once(reading: RequestReading, beside: dict[str, Json]) -> RequestReading:
    """The reading of one call instead of a session, with what stood beside the settings."""
    parameters = {**reading.request.parameters, **beside}
    return replace(reading, request=replace(reading.request, parameters=parameters), stream=False)
