"""One module per API area that the machine understands. Importing this package registers their handlers."""

from trainlint.interpret.api import (
    activations,
    configuration,
    datasets,
    keras_layers,
    keras_models,
    large_losses,
    losses,
    math,
    optimizers,
    preparation,
    random,
    recurrent,
    sessions,
    shapes,
    tf_layers,
    variables,
)

__all__ = [
    "activations",
    "configuration",
    "datasets",
    "keras_layers",
    "keras_models",
    "large_losses",
    "losses",
    "math",
    "optimizers",
    "preparation",
    "random",
    "recurrent",
    "sessions",
    "shapes",
    "tf_layers",
    "variables",
]
