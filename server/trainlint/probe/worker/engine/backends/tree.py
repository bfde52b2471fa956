"""Nested dictionaries and lists of tensors as flat lists, which is all that compiled functions take."""


def flatten(tree):
    """The leaves of ``tree`` in a fixed order, and a function that makes the same tree of other leaves."""
    leaves: list = []
    _collect(tree, leaves)

    def rebuild(others):
        others = iter(others)
        return _build(tree, others)

    return leaves, rebuild


def _collect(tree, leaves):
    if isinstance(tree, dict):
        for key in sorted(tree):
            _collect(tree[key], leaves)
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            _collect(item, leaves)
    else:
        leaves.append(tree)


def _build(tree, leaves):
    if isinstance(tree, dict):
        return {key: _build(tree[key], leaves) for key in sorted(tree)}
    if isinstance(tree, (list, tuple)):
        return [_build(item, leaves) for item in tree]
    return next(leaves)
