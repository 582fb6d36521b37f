"""Merging: nothing uncovered, nothing twice, no matter who spoke first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from redaction.finding import BY_POLICY, Span
from redaction.merge import merged
from redaction.policy import CREDENTIALS

SPANS = st.lists(
    st.builds(
        lambda start, length, kind, score, who: Span(start, start + length, kind, score, who),
        st.integers(0, 40),
        st.integers(0, 12),
        st.sampled_from(["PERSON", "EMAIL_ADDRESS", "API_KEY"]),
        st.sampled_from([0.5, 0.85, 1.0]),
        st.sampled_from(["a", "b"]),
    )
)


@given(SPANS)
def test_what_any_span_covers_stays_covered_once(spans: list[Span]) -> None:
    """The covers are disjoint, in order, and hold exactly the characters of all spans."""
    covers = merged(spans)
    covered = [place for cover in covers for place in range(cover.start, cover.end)]
    assert covered == sorted({p for span in spans for p in range(span.start, span.end)})


@given(SPANS, st.randoms(use_true_random=False))
def test_the_order_of_detectors_does_not_matter(spans: list[Span], rng: object) -> None:
    """Shuffled findings give the same covers."""
    assert merged(spans) == merged(reversed(spans))


@given(SPANS)
def test_a_credential_names_its_cover(spans: list[Span]) -> None:
    """A cover that holds a credential is never called anything that could be linked."""
    for cover in merged(spans):
        inside = {s.type for s in spans if s.start < s.end and cover.start <= s.start < cover.end}
        assert cover.type in inside
        assert (cover.type in CREDENTIALS) == bool(inside & CREDENTIALS)


def test_spans_that_touch_stay_apart() -> None:
    """Two values side by side are two values."""
    spans = [Span(0, 3, "A", 1.0, "x"), Span(3, 5, "B", 1.0, "x")]
    assert merged(spans) == spans


def test_what_the_policy_says_of_a_value_names_its_cover() -> None:
    """Of two names for the same stretch; a credential stays one."""
    said, seen = Span(0, 9, "USER_ID", 1.0, BY_POLICY), Span(0, 9, "EMAIL_ADDRESS", 1.0, "x")
    secret = Span(0, 9, "API_KEY", 0.5, "x")
    assert merged([seen, said]) == [said]
    assert merged([seen, said, secret])[0].type == "API_KEY"


def test_the_longest_span_names_the_cover() -> None:
    """The type is that of the span that says most, however sure a shorter one is."""
    cover = merged([Span(0, 9, "LONG", 0.5, "x"), Span(7, 12, "SHORT", 1.0, "y")])
    assert cover == [Span(0, 12, "LONG", 0.5, "x")]
