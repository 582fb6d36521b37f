"""What messages of a thread are made of, read into parts: of prompts and of answers alike.

The law of this module: a content part stays in its place. A file is named where it stood and is
a reference, because what it holds is on the server.
"""

from __future__ import annotations

from audit.parts import Citation, Media, Part, Refusal
from audit.record import Reference
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["ThreadContent"]


class ThreadContent:
    """Reads content parts; `references` gathers the files they point to. Never raises."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.references: list[Reference] = []

    def parts(self, content: Json) -> list[Part]:
        """Read a content: a text, or a list of parts. Media lifted out of text stand last."""
        before = len(self._keeper.media)
        parts = self._content(content)
        return [*parts, *self._keeper.media[before:]]

    def _content(self, content: Json) -> list[Part]:
        if isinstance(content, str):
            return self._keeper.text_parts(content) if content else []
        if isinstance(content, list):
            return [part for item in content for part in self._item(item)]
        return [] if content is None else [self._keeper.as_extra("content", content)]

    def _item(self, item: Json) -> list[Part]:
        if isinstance(item, str):
            return self._keeper.text_parts(item)
        fields = as_dict(item)
        kind = as_text(fields.get("type")) or "unknown"
        inner = fields.get(kind)
        if kind == "text" and (parts := self._text(inner)) is not None:
            return parts
        if kind == "refusal" and isinstance(inner, str):
            return [Refusal(text=self._keeper.inline(inner))]
        if kind == "image_file" and (file_id := as_text(as_dict(inner).get("file_id"))):
            return [self.file(file_id)]
        if kind == "image_url" and (url := as_text(as_dict(inner).get("url"))):
            return [self._keeper.url_as_media(url)]
        return [self._keeper.as_extra(f"content.{kind}", item)]

    def _text(self, inner: Json) -> list[Part] | None:
        """A request's text is a string, an answer's an object that holds its citations too."""
        if isinstance(inner, str):
            return self._keeper.text_parts(inner)
        said = as_dict(inner)
        value = said.get("value")
        if not isinstance(value, str):
            return None
        parts = self._keeper.text_parts(value) if value else []
        parts += [self._annotation(each) for each in as_list(said.get("annotations"))]
        return parts

    def _annotation(self, value: Json) -> Part:
        annotation = as_dict(value)
        in_file = as_dict(annotation.get("file_citation"))
        on_page = as_dict(annotation.get("url_citation"))
        made = as_text(as_dict(annotation.get("file_path")).get("file_id"))
        if file_id := as_text(in_file.get("file_id")):
            quote = as_text(in_file.get("quote"))
            text = self._keeper.inline(quote) if quote else None
            return Citation(title=clean_text(file_id), text=text)
        if url := as_text(on_page.get("url")):
            title = as_text(on_page.get("title"))
            return Citation(title=clean_text(title) if title else None, url=self._keeper.kept(url))
        return self.file(made) if made else self._keeper.as_extra("text.annotations", value)

    def file(self, file_id: str) -> Media:
        """A file of the server, in its place."""
        clean = clean_text(file_id)
        self.references.append(Reference(kind="file", id=clean))
        return Media(name=clean)
