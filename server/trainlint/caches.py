"""Where trainlint keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder of the user's caches that belongs to trainlint; it need not exist, nor be possible to make."""
    folder = os.environ.get("XDG_CACHE_HOME", "")
    # As the specification of base directories has it: relative to nothing that anybody means.
    if not os.path.isabs(folder):
        try:
            folder = str(Path.home() / ".cache")
        except RuntimeError:
            folder = ""
    if not os.path.isabs(folder):
        # A container whose user has no name and no home. A shared folder would let others say what was found.
        folder = os.devnull
    return Path(folder) / "trainlint"
