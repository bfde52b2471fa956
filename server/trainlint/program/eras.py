"""Which versions of TensorFlow a program can be run with, as its own names and pins show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.program.program import Program

# keras/legacy/interfaces.py of Keras 2.3, which still took the words of Keras 1.
KERAS_1_WORDS = {
    "nb_filter": "filters", "filter_length": "kernel_size", "subsample": "strides", "subsample_length": "strides",
    "border_mode": "padding", "dim_ordering": "data_format", "atrous_rate": "dilation_rate", "bias": "use_bias",
    "init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint", "p": "rate", "sigma": "stddev",
    "pool_length": "pool_size", "stride": "strides", "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation", "dropout_W": "dropout", "dropout_U": "recurrent_dropout",
    "nb_row": "kernel_size", "nb_col": "kernel_size",
    "U_regularizer": "recurrent_regularizer", "U_constraint": "recurrent_constraint",
}  # fmt: skip
"""Keyword arguments of layers in Keras 1, and what Keras 2 calls them."""
KERAS_1_CALLS = frozenset(("nb_epoch", "samples_per_epoch", "nb_val_samples", "show_accuracy"))
"""Keyword arguments of `fit` and the like in Keras 1."""

_SINCE_1 = ("tf.layers.", "tf.losses.", "tf.data.", "tf.estimator.", "tf.keras.", "keras.")


def is_for_1(program: Program) -> bool:
    """Whether something shows that the program is for TensorFlow 1.0 or later: a pin, or a name that is not older."""
    found: bool = program.once(f"{__name__}.is_for_1", _is_for_1)
    return found


def _is_for_1(program: Program) -> bool:
    if program.generation != "1.x":
        return True
    if program.version is not None:
        return program.version >= (1,)
    symbols = [operation.symbol for operation in program.operations]
    symbols += [record.symbol for _, record in program.objects]
    # Keras as a package of its own ran on TensorFlow 0.x as well.
    names = {symbol.name for symbol in symbols if symbol is not None and symbol.flavour != "keras"}
    return any(name.startswith(_SINCE_1) for name in names)


_BEFORE_TF_2_11 = (
    "keras.layers.advanced_activations.", "keras.layers.wrappers.", "keras.layers.merge.", "keras.layers.embeddings.",
    "keras.layers.recurrent.", "keras.layers.recurrent_v2.", "keras.layers.cudnn_recurrent.",
    "keras.layers.convolutional_recurrent.", "keras.layers.normalization.BatchNormalization",
)  # fmt: skip
"""Names in modules that Keras 2.8 has and 2.11 has not; the last one is older still."""


_UNTIL_2_6 = frozenset(("predict_classes", "predict_proba"))
"""Methods of models that TensorFlow 2.6 took away."""


def is_before_2_11(program: Program) -> bool:
    """Whether the program uses what was gone when the optimizers of Keras changed: a module, or a method of them."""
    found: bool = program.once(f"{__name__}.is_before_2_11", _is_before_2_11, lasts=True)
    return found


def _is_before_2_11(program: Program) -> bool:
    if any(record.symbol.path.startswith(_BEFORE_TF_2_11) for _, record in program.objects):
        return True
    if any(call.method in _UNTIL_2_6 for call in program.model_calls):
        return True
    calls = (o.name for o in program.of_kind("opaque"))
    return any(name.startswith("keras.optimizers.") and name.endswith(".get_updates") for name in calls)


def is_for_keras_1(program: Program) -> bool:
    """Whether the program speaks to Keras, as a package of its own, in words that only Keras 1 had.

    Keras took them, with a warning, until version 2.3; after that nothing of it runs.
    """
    found: bool = program.once(f"{__name__}.is_for_keras_1", _is_for_keras_1, lasts=True)
    return found


def _is_for_keras_1(program: Program) -> bool:
    for _, record in program.objects:
        if record.symbol.flavour == "keras" and record.kind in ("layer", "model"):
            words = KERAS_1_WORDS if record.kind == "layer" else ("input", "output")
            if any(word in record.arguments and record.arguments[word].given for word in words):
                return True
    for call in program.model_calls:
        symbol = getattr(program.record(call.model), "symbol", None)
        if symbol is not None and symbol.flavour == "keras" and not KERAS_1_CALLS.isdisjoint(call.arguments):
            return True
    return False
