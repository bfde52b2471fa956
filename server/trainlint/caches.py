"""Where trainlint keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder of the user's caches that belongs to trainlint; it need not exist, nor be possible to make."""
    folder = os.environ.get("XDG_CACHE_HOME")
    if not folder:
        try:
            folder = str(Path.home() / ".cache")
        except RuntimeError:
            # A container whose user has no name and no home. A shared folder would let others say what was found.
            folder = os.devnull
    return Path(folder) / "trainlint"
