"""The index of a document's code."""

from __future__ import annotations

import gc
import weakref

from trainlint.fixes.code_index import KEPT, index_of
from trainlint.source.document import read


def test_index_is_made_once():
    """The same document has the same index."""
    document = read("x = f(1)\n")

    assert index_of(document) is index_of(document)


def test_old_documents_are_let_go():
    """An editor makes a document with each key: only the last few stay in memory."""
    alive = []
    for number in range(3 * KEPT):
        document = read(f"x = f({number})\n")
        index_of(document)
        alive.append(weakref.ref(document))
    del document
    gc.collect()

    assert KEPT == sum(each() is not None for each in alive)
