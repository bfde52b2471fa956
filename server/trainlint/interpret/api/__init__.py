"""One module per API area that the machine understands. Importing this package registers their handlers."""

from trainlint.interpret.api import (
    activations,
    losses,
    math,
    optimizers,
    random,
    sessions,
    shapes,
    variables,
)

__all__ = ["activations", "losses", "math", "optimizers", "random", "sessions", "shapes", "variables"]
