"""Merge patches take one graph to another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainlint.probe.experiment import patch_of, patched

VALUES = st.recursive(
    st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.booleans() | st.lists(st.none(), max_size=2),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=2), VALUES, max_size=5)


@given(OBJECTS, OBJECTS)
def test_patch_takes_one_to_the_other(before, after):
    """Applying the patch gives what it was made for, and leaves the first as it was."""
    copy = repr(before)
    assert patched(before, patch_of(before, after)) == after
    assert repr(before) == copy


def test_equal_graphs_have_an_empty_patch():
    """Nothing to change is nothing to say."""
    graph = {"nodes": {"a": {"op": "add"}}, "loss": "a"}
    assert patch_of(graph, dict(graph)) == {}


def test_patch_is_a_merge_patch():
    """RFC 7396: null removes, objects merge, everything else replaces."""
    before = {"nodes": {"a": {"op": "relu", "axis": 1}, "b": {"op": "add"}}, "sizes": [1, 2]}
    after = {"nodes": {"a": {"op": "tanh", "axis": 1}}, "sizes": [1, 3]}
    assert patch_of(before, after) == {"nodes": {"a": {"op": "tanh"}, "b": None}, "sizes": [1, 3]}
