"""A gathered realtime session, read turn by turn: a turn for each of its responses.

The law of this module: a turn holds what was said since the response before it began, so that the
turns one after the other are the whole conversation, each word of it once. What belongs to no
response is the last turn's; what belongs to one, but nobody can tell to which, is too. Settings
alone are repeated (`realtime_settings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Reference, Request, Response, Safety, Tool, Usage
from audit.value import Json
from tap.dialects.error_bodies import error_of, error_parts
from tap.dialects.filters import merge_filters, safety_of
from tap.dialects.keeping import Digest, Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.reading import AnswerReading, RequestReading, SessionTurn, Span
from tap.dialects.realtime_asked import Asked
from tap.dialects.realtime_conversation import Stretch, read_items
from tap.dialects.realtime_items import audio_mime
from tap.dialects.realtime_response import RealtimeResponse
from tap.dialects.realtime_settings import InForce, Room, Setting
from tap.dialects.responses_content import cleaned
from tap.dialects.responses_items import ItemReader
from tap.dialects.responses_request import named_by_tools, tools_of
from tap.dialects.session_totals import summed
from tap.dialects.streamed_media import StreamedMedia

__all__ = ["GatheredSession", "SessionTurns"]


class GatheredSession(Protocol):
    """What a session has gathered.

    `acknowledged` is how many updates of the client the server confirmed, `commits` how many
    responses had begun at each commit of sound, `said` how many characters came in all.
    """

    asked: Asked
    told: dict[str, Json]
    responses: list[RealtimeResponse]
    errors: list[Json]
    transcriptions: dict[str, list[Json]]
    sounds: dict[str, StreamedMedia]
    loose: LooseFold
    malformed: bool
    logprobs: bool
    acknowledged: int
    commits: list[int]
    said: int


class SessionTurns:
    """Reads a session once."""

    def __init__(self, session: GatheredSession, digest: Digest, most: int) -> None:
        self._session = session
        self._digest = digest
        self._count = max(1, min(len(session.responses), most))
        self._room = Room(session.said)
        asked, told = session.asked, session.told
        self._in_force = InForce(asked.updates, asked.told(told), self._room)
        own = {name for response in session.responses for name in response.items}
        self._stretches = asked.conversation.stretches(own)
        self._voices = asked.voices(session.commits, self._count)
        self._transcribed = dict(session.transcriptions)

    def turns(self) -> Iterator[SessionTurn]:
        """The turns, each read when it is asked for."""
        for number in range(self._count):
            last = number == self._count - 1
            end = None if last else number + 1
            yield self._turn(number, self._session.responses[number:end], last=last)

    def _turn(
        self, number: int, responses: Sequence[RealtimeResponse], *, last: bool
    ) -> SessionTurn:
        asked, answered = Keeper(self._digest), Keeper(self._digest)
        heard = _Heard(asked)
        for response in responses:
            self._hear(heard, next(self._stretches), first=response is responses[0])
            heard.before.append(len(heard.messages))
        if last:
            self._hear(heard, next(self._stretches), first=not responses)
            heard.usages += [each for rest in self._transcribed.values() for each in rest]
        return SessionTurn(
            asked=self._request(number, responses, heard, asked, last=last),
            answered=self._answer(responses, heard, answered, last=last),
            beside=tuple(self._beside(responses, answered, last=last)),
            span=responses[0].span if len(responses) == 1 else Span(),
        )

    def _hear(self, heard: _Heard, stretch: Stretch, *, first: bool) -> None:
        known = stretch.in_force
        if first and known is not None and stretch.instructed is None:
            if self._room.takes(len(str(known.get("content")))):
                heard.messages += read_items([known], heard.reader)
            else:
                heard.keeper.flags.add(Flag.SETTINGS_EARLIER)
        heard.messages += read_items(stretch.items, heard.reader)
        for key in stretch.keys:
            heard.usages += self._transcribed.pop(key, ())

    # -- what was asked --------------------------------------------------------------------

    def _request(
        self,
        number: int,
        responses: Sequence[RealtimeResponse],
        heard: _Heard,
        keeper: Keeper,
        *,
        last: bool,
    ) -> RequestReading:
        session = self._session
        messages = [*heard.messages]
        before = len(keeper.media)
        parameters, tools, references = self._settings(number, responses, keeper, last=last)
        if voices := self._voices[number]:
            mime = audio_mime("input", session.told, session.asked.settings)
            parts = tuple(voice.media(keeper, mime) for voice in voices)
            messages.append(Message(role="user", name="input_audio_buffer", parts=parts))
        lifted = keeper.media[before:]
        if last:
            messages += session.asked.beside(keeper)
        if lifted:
            messages.append(Message(role="unknown", parts=tuple(lifted)))
        return RequestReading(
            request=Request(
                messages=tuple(messages),
                tools=tuple(dict.fromkeys(tools)),
                parameters=parameters,
                references=tuple(dict.fromkeys([*references, *heard.reader.references])),
            ),
            model=cleaned(session.asked.settings.get("model")),
            session=cleaned(session.told.get("id")),
            stream=True,
            flags=frozenset(keeper.flags),
        )

    def _settings(
        self, number: int, responses: Sequence[RealtimeResponse], keeper: Keeper, *, last: bool
    ) -> tuple[dict[str, Json], list[Tool], list[Reference]]:
        """What was set for the session when the response began, for the response, and later."""
        own, every = self._own(number, last=last), len(self._session.asked.updates)
        known = self._session.acknowledged == every
        self._in_force.upto(responses[0].updates if responses and known else every)
        parameters: dict[str, Json] = {
            "session": self._in_force.session(keeper),
            "responses": [keeper.kept(each.parameters) for each in own if each.parameters],
        }
        tools = [*self._in_force.tools(keeper)]
        references = self._in_force.references(keeper)
        if last and self._in_force.upto(every):
            parameters["later"] = self._in_force.session(keeper)
            tools += self._in_force.tools(keeper)
            references += self._in_force.references(keeper)
        for each in own:
            tools += tools_of(each.tools, keeper)
            references += [*each.references, *named_by_tools(each.tools)]
        return {name: each for name, each in parameters.items() if each}, tools, references

    def _own(self, number: int, *, last: bool) -> Sequence[Setting]:
        """What was set for the turn's response; where it is not certain for which, the last's."""
        every = self._session.asked.of_responses
        if len(every) != len(self._session.responses):
            return every if last else ()
        return every[number:] if last else every[number : number + 1]

    # -- what was answered -----------------------------------------------------------------

    def _answer(
        self,
        responses: Sequence[RealtimeResponse],
        heard: _Heard,
        keeper: Keeper,
        *,
        last: bool,
    ) -> AnswerReading:
        session = self._session
        mime = audio_mime("output", session.told, session.asked.settings)
        numbered = enumerate(zip(responses, heard.before, strict=True))
        outputs = [each.output(at, before, mime, keeper) for at, (each, before) in numbered]
        errors = self._errors(responses, last=last)
        usage = self._usage(responses, heard, keeper)
        error = error_of(errors[0], keeper) if errors else None
        self._flag(responses, keeper, last=last)
        ending, detail = responses[0].ending() if len(responses) == 1 else (None, None)
        return AnswerReading(
            response=Response(outputs=tuple(outputs), error=error),
            safety=_safety(responses),
            usage=usage,
            model=cleaned(session.told.get("model")),
            response_id=responses[0].id if len(responses) == 1 else None,
            terminal=bool(responses) and all(each.done for each in responses),
            finished=bool(responses) and all(each.done for each in responses),
            ending=ending,
            detail=detail,
            flags=frozenset(keeper.flags),
        )

    def _usage(self, responses: Sequence[RealtimeResponse], heard: _Heard, keeper: Keeper) -> Usage:
        return summed(
            (response.usage(keeper) for response in responses),
            transcriptions=[keeper.kept(each) for each in heard.usages],
        )

    def _flag(self, responses: Sequence[RealtimeResponse], keeper: Keeper, *, last: bool) -> None:
        session = self._session
        if last and session.malformed:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        if last and len(responses) > 1:
            keeper.flags.add(Flag.SHEAF_FULL)
        if (last and session.logprobs) or any(each.logprobs for each in responses):
            keeper.flags.add(Flag.LOGPROBS_OMITTED)

    def _errors(self, responses: Sequence[RealtimeResponse], *, last: bool) -> list[Json]:
        own = [each.error for each in responses if each.error]
        return [*own, *self._session.errors] if last else own

    def _beside(
        self, responses: Sequence[RealtimeResponse], keeper: Keeper, *, last: bool
    ) -> Iterator[Part]:
        """Errors beyond the first, and, in the end, what of the server nobody understands."""
        errors = self._errors(responses, last=last)
        for error in errors[:1]:
            yield from error_parts(error, keeper)
        for error in errors[1:]:
            yield keeper.as_extra("error", error)
        if not last:
            return
        for voice in self._session.sounds.values():
            yield voice.media(keeper, "audio")
        for output in self._session.loose.reading(Keeper(keeper.digest)).response.outputs:
            yield from output.parts


class _Heard:
    """What was said in a turn, how much of it before each response, and what it cost."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.reader = ItemReader(keeper)
        self.messages: list[Message] = []
        self.before: list[int] = []
        self.usages: list[Json] = []


def _safety(responses: Sequence[RealtimeResponse]) -> Safety:
    prompt: dict[str, Json] = {}
    filtered: dict[int, dict[str, Json]] = {}
    for index, response in enumerate(responses):
        of_prompt, filtered[index] = response.filters()
        merge_filters(prompt, of_prompt)
    return safety_of(prompt, filtered)
