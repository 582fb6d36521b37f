"""Births and ages: a date or a number of years says nothing about a person, the words by it do."""

from __future__ import annotations

import re

from redaction.detectors.announced import AnnouncedRecogniser
from redaction.detectors.recogniser import ShapeRecogniser, digits_of

__all__ = ["AGES", "ANY_DATE", "BIRTHS", "STARRED"]

_MONTH = (
    r"(?:jan|feb|fév|fev|mar|mär|maa|mrt|abr|apr|avr|may|mai|maj|mag|mei|maio|jun|jui|giu|jul"
    r"|lug|aug"
    r"|aoû|ago|sep|set|okt|oct|ott|out|paź|nov|dec|dez|déc|dic|gen|gru|ene|lut|kwi|cze|czer|lip|sie"
    r"|wrz|lis|sty)[^\W\d_]{0,9}\.?"
)
_YEAR = r"(?:1[89]|20)\d\d"
_DATE = (
    rf"(?:\d{{1,2}}(?:st|nd|rd|th|\.?º|er|\.)?(?: of| de| d')? ?[-/]?{_MONTH},?[-/]?(?: de[l]?"
    rf"| do)? ?{_YEAR}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}"
    rf"|{_YEAR}[-/. ]\d\d?[-/. ]\d\d?|\d\d? ?[-/.] ?\d\d? ?[-/.] ?(?:{_YEAR}|\d\d)"
    rf"|\d\d? \d\d? {_YEAR})"
)
ANY_DATE = re.compile(rf"{_DATE}(?:[T ][\d:.Z+\-]+)?|{_YEAR}[01]\d[0-3]\d", re.IGNORECASE)

# Words that are said of nothing but a birth; a few words may follow them.
_BIRTH = (
    r"birth[ _-]?da(?:te|y)s?|birth|b-?day|date[ _-]of[ _-]birth|d\.?o\.?b\.?"
    r"|place and date of birth"
    r"|geburtsdat(?:um|en)|geburtstag|geb\.?-?datum|date[ _-]de[ _-]naissance|ddn|naissance"
    r"|fecha[ _-]de[ _-]nac(?:imiento|\.)?|f\. ?nac\.?|nacimiento|data[ _-]di[ _-]nascita|nascita"
    r"|data[ _-]de[ _-]nasc(?:imento|\.)?|nascimento|geboorte(?:datum|dag)|data[ _-]urodzenia"
    r"|urodzin"
    r"|anniversaire|cumpleaños|compleanno|aniversário|verjaardag|urodziny|(?-i:[DF]\. ?N\.)"
    r"|d\.n\.|geb(?=:)"
    r"|urodzenia|födelsedatum|fødselsdato|syntymäaika|datum narození|dátum narodenia"
    r"|születési dátum|data nașterii|datum rođenja|γέννησης|дата рождения|doğum tarihi"
)
# Verbs and participles, right before the date.
_BORN = (
    r"born(?: on)?|nació|nacieron|nasceu|nasceram|nacque|naquit|rodił\w*|geb\.|geboren"
    r"|geborene[rn]?|né(?:e|\(e\))?|nés|nacid[oa]|nací|nat[oa]|nasc\."
    r"|nascid[oa]|nasci|urodzon[yaie](?:go|j)?|ur\.|urodził(?:a|em|am)? się|née"
)

BIRTHS = (
    AnnouncedRecogniser("birth", "DATE_OF_BIRTH", _BIRTH, _DATE, gap=48, score=0.85),
    AnnouncedRecogniser("born", "DATE_OF_BIRTH", _BORN, _DATE, gap=36, score=0.85),
)

# `*12.03.1961`, as German registers write it; not at the head of a list, and not emphasis. And
# `(f, 1961-03-12)`, as doctors do.
STARRED = ShapeRecogniser(
    "birth_starred", "DATE_OF_BIRTH",
    re.compile(
        rf"(?:(?<=[,;(\w] )\*|\((?:m|f|w|male|female|männl\."
        rf"|weibl\.)[,;/] ?)(?P<value>{_DATE})(?![\d*])",
        re.IGNORECASE,
    ),
    0.7,
)  # fmt: skip

_NOUN = (
    r"(?:man|woman|male|female|boy|girl|patient|child|person|lady|gentleman|employee|customer"
    r"|client"
    r"|student|teenager|mother|father|widow|widower|son|daughter|m|f)"
)
_DE_NOUN = (
    r"(?:patiente?|femme|homme|garçon|fille|dame|monsieur|cliente?|enfant|mujer|hombre|paciente"
    r"|niñ[oa]"
    r"|varón|señora?|paziente|uomo|donna|ragazz[oa]|signora?|bambin[oa]|doente|mulher|homem"
    r"|menin[oa]"
    r"|senhora?|utente|jeune|anciano|anciana)"
)
_YEARS = r"(?:years?|yrs?|jahren?|ans|años|anni|anos|jaar|lat|roku)"


def _is_age(value: str) -> bool:
    return 0 < int(digits_of(value)) < 120


def _age(name: str, pattern: str, telling: str | None = None) -> ShapeRecogniser:
    compiled = re.compile(pattern, re.IGNORECASE)
    return ShapeRecogniser(name, "AGE", compiled, 0.6, _is_age, telling=telling)


AGES: tuple[ShapeRecogniser, ...] = (
    _age("age_said",
         r"\b(?:(?:i am|i'm|he is|she is|he's|she's|turned|turning|am|(?:grandma|grandpa|mother"
         r"|father"
         r"|mum|mom|dad|wife|husband|son|daughter|brother|sister|patient|uncle"
         r"|aunt) is) (?P<value>\d{1,3})"
         r"(?= ?years? old| ?yo\b|[.,;!?\n)]|$| and\b))"),
    _age("aged",
         r"(?<![\w-])(?:aged|age|âgée? de|edad|età|idade|leeftijd|wiek|alter|im alter von|w wieku)"
         r"[\"']?(?: is)? ?[:=]? ?[\"']?(?P<value>\d{1,3})(?![\w.%]|-\d)"
         r"(?! ?(?:%|days|hours|to|bis|à|minutes|min|s|sec|weeks|months)\b)(?! ?[-–] ?\d)"),
    _age("age_of", rf"(?<![\w.])(?P<value>\d{{1,3}}[ \-](?:years?|yrs?|yo"
                   rf"|y/o)(?:[ \-]old)?)(?= {_NOUN}\b)"),
    _age("age_hyphened", r"(?<![\w.])(?P<value>\d{1,3}(?:-year-old|-jährig|-jarig"
                         r"|-letni))(?=\w{0,3}\b)"),
    _age("age_alike", r"\b(?P<value>\d{1,3})(?= (?:jahre alt|jaar oud|ans d'âge|años de edad"
                      r"|anni di età"
                      r"|anos de idade|lat życia)\b)",
         # What is rare here is what follows; a number alone is everywhere.
         r"(?i: (?:jahre alt|jaar oud|ans d.{1,2}ge|a.{1,2}os de edad|anni di et|anos de idade"
         r"|lat .{1,2}ycia))"),
    _age("age_own",
         rf"\b(?:ich bin|er ist|sie ist|j'ai|il a|elle a|tengo|tiene|ho|ha|tenho|tem|ik ben"
         rf"|hij is|zij is"
         rf"|mam|ma|ben) (?P<value>\d{{1,3}})(?= {_YEARS}\b)"),
    _age("age_of_noun", rf"\b{_DE_NOUN} (?:âgée? )?(?:de|di) (?P<value>\d{{1,3}})(?= {_YEARS}\b)"),
    # After a comma, as lists of facts about a person give it: `…, 68 jaar, …`, `lat 42`.
    _age("age_apart", r", (?P<value>\d{1,3})(?= (?:jahre?|ans|años|anni|anos|jaar"
                      r"|lat)(?: alt)?[,.)])"),
    _age("age_apart_english", r", (?P<value>\d{1,3})(?= years? old[,.;)])"),
    _age("age_polish", r"\blat (?P<value>\d{2,3})(?=[,.;) ])"),
    _age("age_sex", r"\((?P<value>\d{2})(?=[ /]?[mfwMFW]\))"),
)  # fmt: skip
