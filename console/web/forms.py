"""What a page's form posts: URL-encoded fields, as our own forms send them, and nothing else."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

from audit.errors import QueryInvalid

__all__ = ["form_of"]

_FORM = "application/x-www-form-urlencoded"
# Ours have five at most.
_MOST_FIELDS = 20


async def form_of(request: web.Request) -> dict[str, str]:
    """Read the form; of several fields of one name the last, and none where it is no form.

    Bytes that are no UTF-8 become U+FFFD. Raises `QueryInvalid` for too many fields.
    """
    if request.content_type != _FORM:
        return {}
    body = (await request.read()).decode("ascii", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise QueryInvalid("the form has more fields than any of ours") from None
