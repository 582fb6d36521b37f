"""The redactor: a clear record in, a record without people out, or an error.

The law of this module: nothing leaves it that was not read by every required detector, and no
value that was found anywhere stands in the clear anywhere else, save what `redaction.reading` says
of identifiers. When that cannot be had, it raises, and the clear record goes nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice

import msgspec

from audit.digest import record_digest
from audit.errors import PolicyViolation, SettingInvalid, TransientError
from audit.exchange import Level
from audit.parts import Text
from audit.record import (
    AuditRecord,
    Engine,
    Finding,
    Integrity,
    RedactedRecord,
    Redaction,
    Request,
    Response,
)
from audit.value import Json
from redaction.detector import Detector
from redaction.examine import Examination, examine
from redaction.fields import Kind, changeable, pointer, put_back
from redaction.finding import Passage, Span
from redaction.persons import PERSON, Persons
from redaction.policy import Action, Policy, PseudonymScope
from redaction.reading import Reading, Standing, passages, read, repeats, settle, taken_apart
from redaction.repeats import Values
from redaction.replace import Cut, Placed, Replacer
from redaction.structure import View
from redaction.tokens import Pseudonyms, TokenBook
from redaction.trial import RedactedText, located

__all__ = ["Redactor"]

# Stands for a replacement while the result is searched, so that nothing is found in a token.
_FILLER = "\ufffc"
# Enough to make every detector load its tables.
_SPECIMEN = "Call 020 7946 0958 or +1 415 555 0132, or write to a.b@example.org."
# Before the language of a part in which nobody looked for names.
_UNREAD = "no_name_model."
_NAMED = frozenset({Action.TOKEN, Action.PSEUDONYM})


@dataclass(frozen=True, slots=True)
class _Redacted:
    """One leaf after redaction, with its covers and where their replacements stand."""

    reading: Reading
    text: str = field(repr=False)
    covers: Sequence[Span]
    placed: Sequence[Placed]


@dataclass(frozen=True, slots=True)
class _Names:
    """What values of one exchange are called: by number or by pseudonym, a person by one."""

    book: TokenBook
    pseudonyms: Pseudonyms
    persons: Persons

    def token(self, entity: str, value: str, action: Action) -> str:
        """Give the token of a value."""
        named = self.persons.known_as(value) if entity == PERSON else value
        namer = self.pseudonyms if action is Action.PSEUDONYM else self.book
        return namer.token(entity, named)


def _persons(readings: Iterable[Reading]) -> Persons:
    return Persons(
        view.text[cover.start : cover.end]
        for reading in readings
        for view, covers in zip(reading.views, reading.covers, strict=True)
        for cover in covers
        if cover.type == PERSON
    )


class Redactor:
    """Redacts records under one policy. Shared by all records of a process.

    `pseudonym_key` is at least 16 bytes; the same key gives the same pseudonyms. `gaps` names
    what this configuration cannot see at all; every record says so. `names_in` are the languages
    that a detector of names reads, None for all: a record names those of its parts that are not
    among them.
    """

    def __init__(
        self,
        policy: Policy,
        detectors: Sequence[Detector],
        *,
        pseudonym_key: bytes,
        gaps: Sequence[str] = (),
        names_in: frozenset[str] | None = None,
    ) -> None:
        absent = {*policy.required, *policy.optional} - {detector.name for detector in detectors}
        if absent:
            raise SettingInvalid(f"policy {policy.name} names unknown detectors: {sorted(absent)}")
        if len(pseudonym_key) < 16:
            raise SettingInvalid("the pseudonym key must have at least 16 bytes")
        self._policy = policy
        self._detectors = tuple(detectors)
        self._optional = frozenset(policy.optional)
        self._pseudonym_key = pseudonym_key
        self._gaps = tuple(gaps)
        self._names_in = names_in
        self._replacer = Replacer()

    @property
    def policy(self) -> str:
        """The policy's label, as records carry it."""
        return self._policy.label

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is not looked for, as codes (`no_name_model`): worth a line at start."""
        return self._gaps

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The detectors in use."""
        return tuple(Engine(name=d.name, version=d.version) for d in self._detectors)

    async def prepare(self) -> None:
        """Ask every detector once, so that the first record finds them loaded.

        Raises the `PermanentError` of a required detector: a worker that can never redact is not
        ready. One that is unavailable now is waited for by each record.
        """
        with suppress(TransientError):
            await examine([Passage(_SPECIMEN)], self._detectors, self._optional)

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Redact a record whole; raises as `redact_sheaf` does."""
        (redacted,) = await self.redact_sheaf((record,))
        return redacted

    async def redact_sheaf(
        self, records: Sequence[AuditRecord], standing: Sequence[Standing] = ()
    ) -> Sequence[RedactedRecord]:
        """Redact the records of one exchange, in order, as if they were one.

        What is found in one of them stands in the clear in none, and has the same token in all.
        `standing` says of each record that was redacted before what stands for its tokens: they
        are not found again, and their numbers are given to nothing else.
        Raises `TransientError` or `PermanentError` as a required detector does, `TextTooLarge`
        where all together are over the policy's budget, `PolicyViolation` when the result fails
        its own check.
        """
        bare = [_metadata_only(each) if each.level is Level.NONE else each for each in records]
        readings = read(bare, self._policy, standing)
        every = passages([*chain.from_iterable(readings)])
        examination = await examine(every, self._detectors, self._optional)
        levels = [each.level for each in bare]
        scope = _scope(
            bare[0], self._policy.pseudonym_scope, standing[0] if standing else Standing()
        )
        taken_out = self._taken_out(readings, examination.spans, levels, scope)
        return [
            self._assembled(record, redacted, examination, self._unread(own))
            for record, redacted, own in zip(bare, taken_out, readings, strict=True)
        ]

    async def redact_texts(
        self, texts: Sequence[str], level: Level = Level.REDACTED, scope: str = ""
    ) -> list[RedactedText]:
        """Redact texts as a record's text parts are, each as an exchange of its own.

        `scope` is within what pseudonyms agree. Raises what `redact` raises; then none of them is
        redacted.
        """
        each = [read((Text(text=text),), self._policy) for text in texts]
        asked = [passages([*chain.from_iterable(readings)]) for readings in each]
        every = [*chain.from_iterable(asked)]
        examination = await examine(every, self._detectors, self._optional)
        answers = iter(examination.spans)
        made: list[RedactedText] = []
        for text, readings, own in zip(texts, each, asked, strict=True):
            found = list(islice(answers, len(own)))
            (redacted,) = self._taken_out(readings, found, (level,), scope)
            told = redacted[0].text if redacted else text
            places = located(readings[0], found, self._policy, level)
            made.append(RedactedText(told, places, examination.missing))
        return made

    def _taken_out(
        self,
        readings: Sequence[Sequence[Reading]],
        found: Sequence[Sequence[Span]],
        levels: Sequence[Level],
        scope: str,
    ) -> list[list[_Redacted]]:
        """Take what was found out of all that one exchange is, and look whether it is gone."""
        every = [*chain.from_iterable(readings)]
        values = settle(every, found, self._policy)
        there = {token: None for own in readings for token in _tokens(own)}
        book = TokenBook([*there, *(reading.leaf.text for reading in every)])
        names = _Names(book, Pseudonyms(self._pseudonym_key, scope), _persons(every))
        made = [
            [self._replace(each, level, names) for each in own if any(each.covers)]
            for own, level in zip(readings, levels, strict=True)
        ]
        for redacted in made:
            _check(redacted, values)
        return made

    def _replace(self, reading: Reading, level: Level, names: _Names) -> _Redacted:
        covers: list[Span] = []
        cuts: list[Cut] = []
        for view, found in zip(reading.views, reading.covers, strict=True):
            covers.extend(found)
            cuts.extend(self._cut(reading, view, cover, level, names) for cover in found)
        text, placed = self._replacer.replace(reading.leaf.text, cuts)
        return _Redacted(reading, text, covers, placed)

    def _cut(self, reading: Reading, view: View, cover: Span, level: Level, names: _Names) -> Cut:
        action = self._policy.action(cover.type, level)
        value = view.text[cover.start : cover.end]
        told = reading.standing.told(value)
        if told != value and action is Action.PSEUDONYM:
            # Two people's `corp/<PERSON_1>` would share a pseudonym for good.
            action = Action.TOKEN
        token = names.token(cover.type, told, action) if action in _NAMED else ""
        start, end = view.locate(cover.start, cover.end)
        keeps = self._policy.rule(cover.type).mask_keeps
        return Cut(start, end, action, value, token, keeps, view.quote)

    def _unread(self, readings: Sequence[Reading]) -> tuple[str, ...]:
        """Give a gap for each language of the parts in which nobody looked for names."""
        if self._names_in is None:
            return ()
        spoken = {reading.language for reading in readings if reading.language is not None}
        return tuple(f"{_UNREAD}{language}" for language in sorted(spoken - self._names_in))

    def _assembled(
        self,
        record: AuditRecord,
        redacted: Sequence[_Redacted],
        examination: Examination,
        unread: Sequence[str],
    ) -> RedactedRecord:
        tree: dict[str, Json] = changeable(msgspec.to_builtins(record))
        level = tree.pop("level")
        named = [r for r in redacted if r.reading.leaf.kind is Kind.NAME]
        valued = [r for r in redacted if r.reading.leaf.kind is not Kind.NAME]
        names = put_back(
            tree,
            {r.reading.leaf.place: r.text for r in valued},
            {r.reading.leaf.place: r.text for r in named},
        )
        tree["redaction"] = Redaction(
            level=Level(level),
            policy=self._policy.label,
            engines=tuple(Engine(name=d.name, version=d.version) for d in examination.read_by),
            counts=dict(sorted(Counter(c.type for r in redacted for c in r.covers).items())),
            # The name of a member has no JSON Pointer: what was taken out of it is counted only.
            findings=tuple(
                finding
                for r in valued
                for finding in _findings(r, pointer(r.reading.leaf.place, names))
            ),
            languages=self._policy.languages,
            degraded=examination.missing,
            gaps=(*self._gaps, *unread),
        )
        return _sealed(tree, record.integrity)


def _sealed(tree: dict[str, Json], integrity: Integrity) -> RedactedRecord:
    """Make the record of its tree and give it its digest; salt and commitment stay."""
    tree["redaction"] = msgspec.to_builtins(tree["redaction"])
    record = msgspec.convert(tree, RedactedRecord)
    own = Integrity(
        salt=integrity.salt,
        commitment=integrity.commitment,
        record_digest=record_digest(record),
    )
    return msgspec.structs.replace(record, integrity=own)


def _findings(redacted: _Redacted, path: str) -> Iterator[Finding]:
    for cover, place in zip(redacted.covers, redacted.placed, strict=True):
        yield Finding(
            path=path,
            start=place.start,
            end=place.end,
            type=cover.type,
            detector=cover.detector,
            score=cover.score,
            token=place.token,
        )


def _tokens(readings: Sequence[Reading]) -> Iterable[str]:
    """Give the tokens that a record has already; its readings all know the same."""
    return readings[0].standing.tokens.values() if readings else ()


def _check(redacted: Sequence[_Redacted], values: Values) -> None:
    """Search what was redacted once more, taken apart anew, for every value that was found."""
    for result in redacted:
        remains, done = [], 0
        for place in result.placed:
            remains += [result.text[done : place.start], _FILLER * (place.end - place.start)]
            done = place.end
        remains.append(result.text[done:])
        left = taken_apart(result.reading.leaf, "".join(remains))
        if any(next(repeats(view, values), None) for view in left):
            raise PolicyViolation


def _metadata_only(record: AuditRecord) -> AuditRecord:
    """Drop all bodies: level `none` keeps none of them, whatever the record brought along."""
    return msgspec.structs.replace(
        record,
        request=Request(prompt_digest=record.request.prompt_digest),
        response=Response(),
        usage=msgspec.structs.replace(record.usage, reported=None),
    )


def _scope(record: AuditRecord, scope: PseudonymScope, standing: Standing) -> str:
    """Give within what pseudonyms agree; where the request names none, the consumer's.

    Where its name was taken out before, the exchange is alone: others may have lost theirs too.
    """
    if scope is PseudonymScope.SESSION:
        session = record.identity.session or record.id
        return f"session:{record.consumer}:{_or_its_id(session, record, standing)}"
    if scope is PseudonymScope.TENANT and record.identity.tenant_id:
        return f"tenant:{_or_its_id(record.identity.tenant_id, record, standing)}"
    return f"consumer:{record.consumer}"


def _or_its_id(name: str, record: AuditRecord, standing: Standing) -> str:
    return record.id if standing.told(name) != name else name
