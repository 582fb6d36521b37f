"""Of what every schedule should go through, what only large folders would."""

from __future__ import annotations

import pytest

from storage.spool import survey


@pytest.fixture(autouse=True)
def no_survey_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts let go of what is done after each file that they read."""
    monkeypatch.setattr(survey, "_FEW", 0)
