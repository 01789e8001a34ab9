"""What was computed before from files that are read anyway: in the user's own cache.

It lies below ``$XDG_CACHE_HOME/normlaws`` (``~/.cache/normlaws`` by default), never in a study, so
that a study of a stranger brings none. Each file begins with the digest of what follows: one that
is damaged counts as not there. A folder that cannot be written costs another computation, nothing
else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from normlaws.errors import CorruptFileError, DataNotFoundError
from normlaws.storage.folder import replace_file
from normlaws.storage.reading import MAX_TABLE, content

WHAT = "what was computed before"
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Shelf:
    """Files of one kind, the latest few.

    Attributes:
        kind: the folder's name.
        most: files that are kept; of more, the oldest are removed.
    """

    kind: str
    most: int = 16

    @property
    def folder(self) -> Path:
        """Where they lie."""
        root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(root) / "normlaws" / self.kind

    def path(self, *key: str) -> Path:
        """The file of what is known by ``key``."""
        name = hashlib.sha256("\n".join(key).encode(errors="surrogateescape")).hexdigest()
        return self.folder / f"{name[:32]}.kept"

    def get(self, *key: str) -> bytes | None:
        """What was kept under ``key``; ``None`` where that is nothing, or is damaged."""
        try:
            found = content(self.path(*key), WHAT, MAX_TABLE)
        except (CorruptFileError, DataNotFoundError):
            return None
        digest, held = found[:_DIGEST], found[_DIGEST:]
        return held if hashlib.sha256(held).digest() == digest else None

    def put(self, held: bytes, *key: str) -> None:
        """Keep ``held`` under ``key``."""
        with contextlib.suppress(OSError):
            written = hashlib.sha256(held).digest() + held
            replace_file(self.path(*key), lambda beside: beside.write_bytes(written))
            files = sorted(self.folder.glob("*.kept"), key=lambda path: path.stat().st_mtime)
            for path in files[: -self.most]:
                path.unlink(missing_ok=True)
