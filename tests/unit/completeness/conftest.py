"""How the worlds here are drawn: as many as are worth their time, however slow the machine is."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine fails no test: neither a deadline nor the time a world takes to be drawn counts.
settings.register_profile(
    "unhurried", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")
