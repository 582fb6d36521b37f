"""Mail: e-mail addresses, found from their `@`.

The search starts at the `@` and reads both ways within the lengths of RFC 5321 (64 before, 255
after), so that its cost does not depend on what else the text holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.finding import Passage, Span

__all__ = ["MailRecogniser"]

_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~.\-]{1,64}\Z")
_DOMAIN = re.compile(
    r"@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,8}(?:xn--[a-z0-9\-]{1,59}|[^\W\d_]{2,24})(?![^\W_])"
    r"|@\[(?:\d{1,3}\.){3}\d{1,3}\]",
    re.IGNORECASE,
)
# What the address grammar allows at the front but a URL, a table or prose puts there: a path or
# a column, a parameter's name, quotation and emphasis.
_LEAD = re.compile(r"(?:[^@\s]*[?&/|])?(?:[\w\-]{1,40}=)?['`*{.]*")
# Names of image variants (`logo@2x.png`) and the login of a source repository.
_NO_ADDRESS = re.compile(r"@[1-4]x\.|(?<=\bgit)@[\w.\-]+[:/]")
# In `scheme://user:password@host` what stands before the `@` is for the secrets detector.
_USER_OF_URL = re.compile(r"://[^\s/@]{0,100}:\Z")


class MailRecogniser:
    """Addresses with a dotted domain or an address literal, in any script."""

    needs = r"@[\pL\pN\[]"
    reach = 700

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give every address, without the quotation or emphasis around it."""
        text = passage.text
        for domain in _DOMAIN.finditer(text, start, end + self.reach):
            at = domain.start()
            if at >= end:
                return
            first = self._start(text, at)
            if first < at and not self._is_no_address(text, first, at):
                yield Span(first, domain.end(), "EMAIL_ADDRESS", 1.0, "mail")

    def _is_no_address(self, text: str, start: int, at: int) -> bool:
        before = text[max(0, start - 120) : start]
        return bool(_NO_ADDRESS.match(text, at) or _USER_OF_URL.search(before))

    def _start(self, text: str, at: int) -> int:
        local = _LOCAL.search(text, max(0, at - 64), at)
        if local is None:
            return at
        lead = _LEAD.match(text, local.start(), at)
        return lead.end() if lead else local.start()
