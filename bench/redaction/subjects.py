"""The two that are measured: Presidio as it comes, and ours under the policy that ships.

Each is a function from texts to covers. Presidio comes without a name model and off the network:
its e-mail and URL recognisers would fetch a list of domains on first use, its engine a model.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from redaction.build import build_detectors
from redaction.policy import Policy
from redaction.policy_file import default_policy
from redaction.texts import covered

__all__ = ["Cover", "Subject", "ours", "stock"]

Cover = tuple[int, int, str]
Subject = Callable[[str], list[Cover]]


class _BlankEngine(SpacyNlpEngine):
    """Presidio's own engine over a pipeline that has words and no model."""

    def __init__(self) -> None:
        super().__init__()
        vars(self)["nlp"] = {"en": spacy.blank("en")}


def stock() -> Subject:
    """Give Presidio with its defaults: all English recognisers, every score."""
    for name in ("presidio-analyzer", "tldextract"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    for module in (tldextract, tldextract.tldextract):
        vars(module).update(extract=offline, TLD_EXTRACTOR=offline)
    nlp_engine = _BlankEngine()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp_engine)

    def find(text: str) -> list[Cover]:
        found = engine.analyze(text=text, language="en")
        return [(each.start, each.end, each.entity_type) for each in found]

    return find


def ours(policy: Policy | None = None, models: Mapping[str, str] | None = None) -> Subject:
    """Give our layers under a policy, by default the one that ships."""
    chosen = policy or default_policy()
    detectors, _ = build_detectors(chosen, models or {})

    def find(text: str) -> list[Cover]:
        (spans,) = asyncio.run(covered([text], chosen, detectors))
        return [(span.start, span.end, span.type) for span in spans]

    return find


def many(subject: Subject, texts: Sequence[str]) -> list[list[Cover]]:
    """Ask a subject about each text."""
    return [subject(text) for text in texts]
