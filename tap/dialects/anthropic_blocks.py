"""Content blocks of the Messages API, read into parts: of prompts and of answers alike.

The law of this module: a block becomes parts in the place where it stood, and no field of it is
dropped but the marks of prompt caching. What only the provider can read (signatures, hidden
thinking, encrypted contents) is known by its size and keyed digest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.parts import Citation, Media, Part, Reasoning
from audit.record import Reference
from audit.value import Json
from tap.dialects.anthropic_sealed import sealed_media, without_sealed
from tap.dialects.anthropic_tools import call_parts, result_parts
from tap.dialects.keeping import Keeper
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["BlockReader"]

Block: TypeAlias = dict[str, Json]

# Said with every block of a prompt: where its cache ends, and that it may be cited.
_SETTINGS = frozenset(("type", "cache_control"))
_READ = {
    "text": frozenset(("text", "citations")),
    "thinking": frozenset(("thinking", "signature")),
    "redacted_thinking": frozenset(("data",)),
    "compaction": frozenset(("content", "encrypted_content", "signature")),
    "image": frozenset(("source",)),
    "document": frozenset(("source", "title", "context", "citations")),
    "search_result": frozenset(("source", "title", "content", "citations")),
    "container_upload": frozenset(("file_id",)),
}
_CITED = frozenset(("type", "title", "document_title", "url", "source", "cited_text"))


class BlockReader:
    """Reads blocks one by one; `references` gathers the files they only point to."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.references: list[Reference] = []
        self._readers: dict[str, Callable[[Block], list[Part]]] = {
            "text": self._text,
            "thinking": self._thinking,
            "redacted_thinking": self._redacted_thinking,
            "compaction": self._compaction,
            "image": self._sourced,
            "document": self._document,
            "search_result": self._search_result,
            "container_upload": self._upload,
        }

    def content(self, content: Json) -> list[Part]:
        """Read a content: a text, or a list of blocks. Media lifted out of text stand last."""
        before = len(self._keeper.media)
        parts = self._content(content)
        return [*parts, *self._keeper.media[before:]]

    def _content(self, content: Json) -> list[Part]:
        if isinstance(content, str):
            return self._keeper.text_parts(content) if content else []
        if isinstance(content, list):
            return [part for block in content for part in self.block(block)]
        return [] if content is None else [self._keeper.as_extra("content", content)]

    def block(self, block: Json) -> list[Part]:
        """Read one block; one that is not known is an extra."""
        if isinstance(block, str):
            return self._keeper.text_parts(block)
        fields = as_dict(block)
        kind = as_text(fields.get("type")) or "unknown"
        if reader := self._readers.get(kind):
            return [*reader(fields), *self._left(kind, fields)]
        if kind.endswith("tool_use"):
            return call_parts(kind, fields, self._keeper)
        if kind.endswith("tool_result"):
            return result_parts(kind, fields, self.block, self._keeper)
        return [self._keeper.as_extra(f"content.{kind}", without_sealed(block, self._keeper))]

    def _left(self, kind: str, block: Block) -> list[Part]:
        return [
            self._keeper.as_extra(f"{kind}.{name}", without_sealed(value, self._keeper))
            for name, value in block.items()
            if name not in _SETTINGS and name not in _READ[kind] and value not in (None, "", [], {})
        ]

    def _said(self, kind: str, name: str, value: Json) -> list[Part]:
        """A text that stands where a text belongs; anything else there is an extra."""
        if isinstance(value, str):
            return self._keeper.text_parts(value) if value else []
        return [] if value is None else [self._keeper.as_extra(f"{kind}.{name}", value)]

    def _text(self, block: Block) -> list[Part]:
        parts = self._said("text", "text", block.get("text"))
        parts += [self._citation(cited) for cited in as_list(block.get("citations"))]
        return parts

    def _citation(self, value: Json) -> Part:
        cited = as_dict(value)
        title = as_text(cited.get("title")) or as_text(cited.get("document_title"))
        place = as_text(cited.get("url")) or as_text(cited.get("source"))
        text = as_text(cited.get("cited_text"))
        if not (title or place or text):
            return self._keeper.as_extra("text.citations", without_sealed(value, self._keeper))
        return Citation(
            title=clean_text(title) if title else None,
            url=self._keeper.kept(place) if place else None,
            text=self._keeper.inline(text) if text else None,
        )

    def _thinking(self, block: Block) -> list[Part]:
        thought = block.get("thinking")
        parts: list[Part] = []
        if isinstance(thought, str):
            parts += [Reasoning(text=self._keeper.inline(thought))] if thought else []
        elif thought is not None:
            parts.append(self._keeper.as_extra("thinking.thinking", thought))
        return [*parts, *self._sealed("thinking.signature", block.get("signature"))]

    def _sealed(self, name: str, value: Json) -> list[Part]:
        if isinstance(value, str):
            return [sealed_media(value, name, self._keeper)] if value else []
        return [] if value is None else [self._keeper.as_extra(name, value)]

    def _redacted_thinking(self, block: Block) -> list[Part]:
        return self._sealed("redacted_thinking", block.get("data"))

    def _compaction(self, block: Block) -> list[Part]:
        """The summary that takes the place of earlier turns. It is told apart from what is said."""
        summary = block.get("content")
        parts: list[Part] = []
        if summary:
            parts.append(self._keeper.as_extra("compaction", without_sealed(summary, self._keeper)))
        parts += self._sealed("compaction.encrypted_content", block.get("encrypted_content"))
        return [*parts, *self._sealed("compaction.signature", block.get("signature"))]

    def _sourced(self, block: Block) -> list[Part]:
        return self._source(block.get("source"), None)

    def _document(self, block: Block) -> list[Part]:
        title = as_text(block.get("title"))
        parts = self._source(block.get("source"), title)
        if title and not any(isinstance(part, Media) for part in parts):
            parts.insert(0, self._keeper.as_extra("document.title", title))
        return [*parts, *self._said("document", "context", block.get("context"))]

    def _source(self, value: Json, title: str | None) -> list[Part]:
        """What an image or a document is made of: bytes, a text, blocks, a URL or a file."""
        source = as_dict(value)
        kind, data = source.get("type"), source.get("data")
        if kind == "base64" and isinstance(data, str):
            mime = as_text(source.get("media_type"))
            return [self._keeper.base64_as_media(data, clean_text(mime) if mime else None, title)]
        if kind == "text" and isinstance(data, str):
            return self._keeper.text_parts(data)
        if kind == "url" and (url := as_text(source.get("url"))):
            return [self._keeper.url_as_media(url, title)]
        if kind == "file" and (file_id := as_text(source.get("file_id"))):
            return [self._file(file_id, title)]
        if kind == "content":
            return self._content(source.get("content"))
        return [] if value is None else [self._keeper.as_extra("source", value)]

    def _file(self, file_id: str, title: str | None) -> Media:
        clean = clean_text(file_id)
        self.references.append(Reference(kind="file", id=clean))
        return Media(name=clean_text(title) if title else clean)

    def _upload(self, block: Block) -> list[Part]:
        file_id = as_text(block.get("file_id"))
        return [self._file(file_id, None)] if file_id else []

    def _search_result(self, block: Block) -> list[Part]:
        title, place = as_text(block.get("title")), as_text(block.get("source"))
        found = Citation(
            title=clean_text(title) if title else None,
            url=self._keeper.kept(place) if place else None,
        )
        return [found, *self._content(block.get("content"))]
