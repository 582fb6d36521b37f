"""What an artefact says about how it was made, so that it can be told from one made otherwise.

The law: `taught` is a digest over every file of this package that decides what is taught, so that
weights whose digest is another were made of another package; `corpora` are digests of the labelled
files that were given. Nothing here needs what training needs, so that a test can always look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["corpora_digests", "taught_digest"]

_FOLDER = Path(__file__).parent
_KINDS = frozenset({".py", ".toml", ".txt"})


def taught_digest(folder: Path = _FOLDER) -> str:
    """Twelve hexadecimal digits over the names and bytes of the package's files."""
    return _digest(folder, (path for path in folder.rglob("*") if path.suffix in _KINDS))


def corpora_digests(folder: Path | None) -> dict[str, str]:
    """The digest of each `.jsonl` file of a folder, by its name; none without a folder."""
    files = sorted(folder.glob("*.jsonl")) if folder else []
    return {path.name: _digest(path.parent, [path]) for path in files}


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in paths):
        content = path.read_bytes()
        whole.update(f"{name} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()[:12]
