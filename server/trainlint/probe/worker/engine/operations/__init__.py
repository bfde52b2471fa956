"""What each operation of the format computes.

An operation is a function of the context, its node and its input tensors, and returns one tensor.
All tensors have a leading axis of replicas, which may be 1 where all replicas are equal; the axes that a node speaks
of come behind it.
"""

from . import (
    activations,
    arithmetic,
    attention,
    dense,
    losses,
    neighbourhoods,
    normalization,
    recurrent,
    shapes,
    stochastic,
)

OPERATIONS = {}
for _module in (
    activations,
    arithmetic,
    attention,
    dense,
    losses,
    neighbourhoods,
    normalization,
    recurrent,
    shapes,
    stochastic,
):
    OPERATIONS.update(_module.OPERATIONS)
