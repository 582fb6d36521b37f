"""Replacing: the cut goes, the rest stays, and every replacement is found again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from redaction.policy import Action
from redaction.replace import Cut, Replacer

REPLACER = Replacer()


@given(st.text(min_size=1, max_size=400), st.data())
def test_only_what_is_cut_changes(text: str, data: st.DataObject) -> None:
    """Between the cuts every character stays; the places cut out exactly the tokens."""
    edges = data.draw(st.lists(st.integers(0, len(text)), unique=True, max_size=300).map(sorted))
    cuts = [
        Cut(start, end, Action.TOKEN, text[start:end], f"<T_{i}>")
        for i, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=False))
    ]
    result, placed = REPLACER.replace(text, cuts)
    expected, done = "", 0
    for cut in cuts:
        expected += text[done : cut.start] + cut.token
        done = cut.end
    assert result == expected + text[done:]
    assert [result[p.start : p.end] for p in placed] == [cut.token for cut in cuts]


def _one(action: Action, value: str, **more: object) -> str:
    cut = Cut(1, 1 + len(value), action, value, **more)  # type: ignore[arg-type] # by name
    return REPLACER.replace(f"[{value}]", [cut])[0]


def test_each_action_does_what_it_says() -> None:
    """Token, pseudonym, mask and drop, all through presidio-anonymizer's operators."""
    assert _one(Action.TOKEN, "ada", token="<X_1>") == "[<X_1>]"
    assert _one(Action.PSEUDONYM, "ada", token="<X_abc>") == "[<X_abc>]"
    assert _one(Action.MASK, "ada") == "[***]"
    assert _one(Action.MASK, "4111111111111234", keeps=4) == "[************1234]"
    assert _one(Action.DROP, "ada") == "[]"


def test_a_mask_leaves_nothing_that_could_break_the_syntax() -> None:
    """Where the last characters are no letters or digits, all are masked."""
    assert _one(Action.MASK, 'abc"\\x', keeps=3) == "[******]"
    assert _one(Action.MASK, "abc", keeps=3) == "[***]"


def test_a_number_gets_its_quotes_outside_the_token() -> None:
    """The place is that of the token, not of its quotation marks."""
    result, (place,) = REPLACER.replace("{1}", [Cut(1, 2, Action.TOKEN, "1", "<N_1>", quote='\\"')])
    assert result == '{\\"<N_1>\\"}'
    assert result[place.start : place.end] == place.token == "<N_1>"
