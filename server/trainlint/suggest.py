"""What somebody may have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` to put behind an error about an unknown word; empty where nothing is near."""
    # Only an error needs it.
    from difflib import get_close_matches

    by_fold = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold().replace("_", "-"), by_fold, n=1, cutoff=0.6)
    return f" (did you mean {by_fold[near[0]]}?)" if near else ""
