"""Which library a dotted path belongs to, and what it is called inside of it."""

from __future__ import annotations

from functools import lru_cache

from trainlint.record import Record
from trainlint.tfapi import tables


class Place(Record):
    """A path taken apart: the library's root in canonical names, the rest below it, the flavour.

    `moved` is true for a path that only old Keras had (`keras.layers.core.Dense`); `rest` is then the present one.
    """

    root: str
    rest: str
    flavour: str
    moved: bool = False


# Every spelling of Keras; longer prefixes first.
_KERAS = (
    ("tensorflow.compat.v1.keras", "tf.keras"),
    ("tensorflow.compat.v2.keras", "tf.keras"),
    ("tensorflow.python.keras", "tensorflow.python.keras"),
    ("tensorflow.contrib.keras.python.keras", "tf.keras"),
    ("tensorflow.contrib.keras", "tf.keras"),
    ("tensorflow.keras", "tf.keras"),
    ("tf_keras.api._v2.keras", "tf_keras"),
    ("tf_keras.api._v1.keras", "tf_keras"),
    ("tf_keras.src", "tf_keras"),
    ("tf_keras", "tf_keras"),
    ("keras._tf_keras.keras", "keras"),
    ("keras.api._v2.keras", "keras"),
    ("keras.api._v1.keras", "keras"),
    ("keras.api.keras", "keras"),
    ("keras.api", "keras"),
    ("keras.src", "keras"),
    ("keras", "keras"),
)

_TENSORFLOW = (
    ("tensorflow.compat.v1", "tf.compat.v1"),
    ("tensorflow.compat.v2", "tf.compat.v2"),
    ("tensorflow", "tf"),
)

# The modules of old Keras that held what is public one level higher.
_OLD_KERAS_MODULES = {
    "layers": (
        "advanced_activations", "attention", "convolutional", "convolutional_recurrent", "core", "cudnn_recurrent",
        "embeddings", "experimental.preprocessing", "local", "merge", "merging", "noise", "normalization", "pooling",
        "preprocessing", "recurrent", "regularization", "reshaping", "rnn", "wrappers", "serialization",
        "normalization.batch_normalization", "normalization.layer_normalization", "preprocessing.image_preprocessing",
    ),
    "utils": (
        "np_utils", "data_utils", "generic_utils", "layer_utils", "vis_utils", "training_utils", "multi_gpu_utils",
        "io_utils", "visualize_util", "losses_utils", "tf_utils", "image_utils", "dataset_utils", "conv_utils",
        "all_utils", "image_dataset_utils", "text_dataset_utils", "audio_dataset_utils", "timeseries_dataset_utils",
    ),
    "preprocessing": ("image_dataset", "text_dataset", "timeseries"),
    "optimizers": (
        "optimizer_v2.adadelta", "optimizer_v2.adagrad", "optimizer_v2.adam", "optimizer_v2.adamax",
        "optimizer_v2.ftrl", "optimizer_v2.gradient_descent", "optimizer_v2.nadam", "optimizer_v2.optimizer_v2",
        "optimizer_v2.rmsprop", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion",
        "nadam", "optimizer", "rmsprop", "sgd", "optimizer_v1", "optimizer_v2", "adam_v2", "adagrad_v2",
        "adadelta_v2", "adamax_v2", "nadam_v2", "rmsprop_v2", "gradient_descent_v2",
    ),
}  # fmt: skip

_OLD_KERAS = {
    "engine.Input": "Input",
    "engine.InputSpec": "layers.InputSpec",
    "engine.Layer": "layers.Layer",
    "engine.Model": "Model",
    "engine.base_layer": "layers",
    "engine.functional": "",
    "engine.input_layer.Input": "Input",
    "engine.input_layer.InputLayer": "layers.InputLayer",
    "engine.sequential": "",
    "engine.topology.Input": "Input",
    "engine.topology.get_source_inputs": "utils.get_source_inputs",
    "engine.topology": "layers",
    "engine.training": "",
    "models.functional.Functional": "Model",
    "models.model": "",
    "models.sequential": "",
    "callbacks.callbacks": "callbacks",
    "callbacks_v1": "callbacks",
    "backend.tensorflow_backend": "backend",
    "backend.common": "backend",
    "legacy.layers": "layers",
    "legacy.optimizers": "optimizers",
    "optimizer_v2.learning_rate_schedule": "optimizers.schedules",
    "optimizer_v1": "optimizers",
    "losses.losses": "losses",
    "initializers.initializers_v2": "initializers",
    "initializers.initializers_v1": "initializers",
    "initializers_v2": "initializers",
    "initializers.random_initializers": "initializers",
    "initializers.constant_initializers": "initializers",
    "initializations": "initializers",
    "activations.activations": "activations",
    "objectives": "losses",
    "regularizers.regularizers": "regularizers",
    "layers.core.core": "layers",
    "applications.music_tagger_crnn": "applications",
    "saving.save": "models",
    "premade": "experimental",
}

# Implementation modules that programs import from, and the public namespaces that hold the same functions.
_TF_MODULES = {
    "framework.constant_op": ("",),
    "framework.dtypes": ("",),
    "framework.ops": ("",),
    "ops.array_ops": ("",),
    "ops.clip_ops": ("",),
    "ops.control_flow_ops": ("",),
    "ops.embedding_ops": ("nn",),
    "ops.gradients_impl": ("",),
    "ops.init_ops": ("", "initializers"),
    "ops.linalg_ops": ("linalg", ""),
    "ops.losses.losses": ("losses",),
    "ops.losses.losses_impl": ("losses",),
    "ops.math_ops": ("", "math"),
    "ops.metrics": ("metrics",),
    "ops.metrics_impl": ("metrics",),
    "ops.nn": ("nn",),
    "ops.nn_impl": ("nn",),
    "ops.nn_ops": ("nn",),
    "ops.random_ops": ("random", ""),
    "ops.rnn": ("nn",),
    "ops.rnn_cell": ("nn.rnn_cell",),
    "ops.rnn_cell_impl": ("nn.rnn_cell",),
    "ops.variable_scope": ("",),
    "ops.variables": ("",),
    "layers.base": ("layers",),
    "layers.convolutional": ("layers",),
    "layers.core": ("layers",),
    "layers.normalization": ("layers",),
    "layers.pooling": ("layers",),
    "layers.layers": ("layers",),
    "platform.app": ("app",),
    "platform.flags": ("flags",),
    "platform.gfile": ("gfile",),
    "platform.tf_logging": ("logging",),
    "client.session": ("",),
    "training.adadelta": ("train",),
    "training.adagrad": ("train",),
    "training.adam": ("train",),
    "training.gradient_descent": ("train",),
    "training.momentum": ("train",),
    "training.moving_averages": ("train",),
    "training.optimizer": ("train",),
    "training.rmsprop": ("train",),
    "training.saver": ("train",),
    "training.training": ("train",),
    "data.ops.dataset_ops": ("data",),
    "summary.summary": ("summary",),
}


@lru_cache(maxsize=4096)
def place(path: str) -> Place | None:
    """The library of a dotted path and the name inside of it, or None for a package that no table knows."""
    first = path.partition(".")[0]
    if first in ("tensorflow", "keras", "tf_keras"):
        for prefix, flavour in _KERAS:
            rest = _below(path, prefix)
            if rest is not None:
                present = old_keras(rest)
                if present != rest and any(tables.find(table, rest) for table in ("keras2", "keras3")):
                    present = rest
                return Place("keras", present, flavour, present != rest and not prefix.endswith(("src", "api")))
        for prefix, flavour in _TENSORFLOW:
            rest = _below(path, prefix)
            if rest is not None:
                return _tensorflow(rest, flavour)
    if first == "tensorflow_core":
        return place("tensorflow" + path[len(first) :])
    if first == "tf_slim":
        return Place("tf", "contrib.slim" + path[len(first) :], "tf.contrib")
    if first == "numpy":
        return Place("np", path[6:], "numpy")
    if first in tables.shards("python") or tables.find("python", first) is not None:
        return Place("", path, first)
    return None


def old_keras(rest: str) -> str:
    """The present place of a name below `keras`: old Keras kept each kind of layer in a module of its own."""
    parts = rest.split(".")
    for length in range(len(parts), 0, -1):
        moved = _OLD_KERAS.get(".".join(parts[:length]))
        if moved is not None:
            return ".".join([*([moved] if moved else []), *parts[length:]])
    modules = _OLD_KERAS_MODULES.get(parts[0], ())
    if len(parts) > 1 and (parts[1] in modules or ".".join(parts[1:3]) in modules):
        if len(parts) == 2 or ".".join(parts[1:]) in modules:
            return parts[0]
        first = next((i for i, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
        return ".".join([parts[0], *parts[first:]])
    return rest


def _below(path: str, prefix: str) -> str | None:
    if path == prefix:
        return ""
    return path[len(prefix) + 1 :] if path.startswith(prefix + ".") else None


def _tensorflow(rest: str, flavour: str) -> Place:
    if rest.startswith("contrib.") or rest == "contrib":
        package, inside, module = rest.partition(".python.")
        public = f"{package}.{module.rpartition('.')[2]}"
        # What the implementation modules of a package hold is a name of the package, where it has one of that name.
        if inside and tables.find("tf1", rest) is None and tables.find("tf1", public) is not None:
            rest = public
        return Place("tf", rest, "tf.contrib")
    if rest.startswith("python."):
        module, _, name = rest[7:].rpartition(".")
        for namespace in _TF_MODULES.get(module, ()):
            public = f"{namespace}.{name}" if namespace else name
            if tables.find("tf1", public) is not None:
                # The implementation modules hold the signatures of version 1.
                return Place("tf", public, "tf.compat.v1")
    return Place("tf", rest, flavour)
