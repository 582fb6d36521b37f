"""All cases, in the order in which they are listed."""

from __future__ import annotations

# Each of these puts its cases into the table.
from tests.conformance import answers, connections, requests
from tests.conformance.table import CASES, Case

__all__ = ["CASES", "Case", "answers", "connections", "requests"]
