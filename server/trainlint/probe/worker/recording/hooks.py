"""Which module gets which hook when the program imports it."""

from __future__ import annotations

import re
from typing import Any, Callable, Optional

from . import keras_hooks, session_hooks, tape_hooks
from .imports import Action
from .seeds import Seeds
from .steps import Recorder

# Keras moved often: `keras`, `keras.src`, `tf_keras.src` and `tensorflow.python.keras` hold the same modules.
_KERAS = r"(?:keras(?:\.src)?|tf_keras\.src|tensorflow\.python\.keras)"
_MODELS = re.compile(_KERAS + r"\.(?:models\.model|engine\.training|engine\.training_v1)\Z")
_OPTIMIZERS = re.compile(
    _KERAS + r"\.(?:optimizers\.base_optimizer|optimizers\.optimizer|optimizers\.optimizer_experimental\.optimizer"
    r"|(?:optimizers\.|optimizers\.legacy\.)?(?:optimizer_v2\.)?optimizer_v2)\Z"
)
_LAST_PARTS = frozenset(
    "numpy random random_seed rng_utils tensorflow torch session gradients_util backprop resource_variable_ops"
    " polymorphic_function def_function optimizer optimizer_v2 base_optimizer model training training_v1".split()
)


def wanted(recorder: Recorder, sow: Seeds) -> Callable[[str], Optional[Action]]:
    """A function from the name of a module to what has to be done after its import; None for nearly all modules."""
    sessions = session_hooks.Sessions(recorder)
    tapes = tape_hooks.Tapes(recorder)
    keras = keras_hooks.Models(recorder)
    actions = {
        "numpy.random": sow.numpy,
        "torch": sow.torch,
        "tensorflow": sow.tensorflow,
        "tensorflow.python.framework.random_seed": sow.tensorflow_functions,
        "keras.src.utils.rng_utils": sow.keras,
        "tensorflow.python.client.session": sessions.patch_sessions,
        "tensorflow.python.ops.gradients_util": sessions.patch_gradients,
        "tensorflow.python.eager.backprop": tapes.patch_tapes,
        "tensorflow.python.ops.resource_variable_ops": tapes.patch_variables,
        "tensorflow.python.eager.polymorphic_function.polymorphic_function": tapes.patch_functions,
        "tensorflow.python.eager.def_function": tapes.patch_functions,
        "tensorflow.python.training.optimizer": tapes.patch_optimizers,
    }

    def action(name: str) -> Optional[Callable[[Any], None]]:
        if name.rpartition(".")[2] not in _LAST_PARTS:
            return None
        if name in actions:
            return actions[name]
        if _MODELS.match(name):
            return keras.patch
        if _OPTIMIZERS.match(name):
            return tapes.patch_optimizers
        return None

    return action
