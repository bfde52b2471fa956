"""Defaults and the order of parameters are facts that rules rely on."""

from __future__ import annotations

from typing import Any

import pytest

from trainlint.tfapi import GENERATIONS, REQUIRED, Parameter, Ref, Signature, resolve, signature


def of(path: str, generation: str) -> Signature:
    symbol = resolve(path, generation)
    assert symbol is not None
    found = signature(symbol, generation)
    assert found is not None, path
    return found


def default(path: str, parameter: str, generation: str) -> Any:
    found = of(path, generation).parameter(parameter)
    assert found is not None, (path, parameter)
    return found.default


def names(path: str, generation: str) -> list[str]:
    return [parameter.name for parameter in of(path, generation).parameters]


@pytest.mark.parametrize(
    ("path", "generation", "parameter", "expected"),
    [
        ("tensorflow.random.normal", "2.16", "stddev", 1.0),
        ("tensorflow.random_normal", "1.x", "stddev", 1.0),
        ("tensorflow.truncated_normal", "1.x", "stddev", 1.0),
        ("tensorflow.random.normal", "2.16", "dtype", Ref("tf.float32")),
        ("tensorflow.random.uniform", "2.16", "minval", 0),
        ("keras.initializers.RandomNormal", "2.16", "stddev", 0.05),
        ("keras.initializers.RandomNormal", "2.0", "stddev", 0.05),
        ("keras.initializers.TruncatedNormal", "2.16", "stddev", 0.05),
        ("keras.initializers.RandomUniform", "2.16", "minval", -0.05),
        ("tensorflow.random_normal_initializer", "1.x", "stddev", 1.0),
        ("tensorflow.compat.v1.random_normal_initializer", "2.16", "stddev", 1.0),
        ("tensorflow.truncated_normal_initializer", "1.x", "stddev", 1.0),
        ("tensorflow.random_normal_initializer", "2.16", "stddev", 0.05),
        ("tensorflow.layers.dropout", "1.x", "training", False),
        ("tensorflow.layers.dropout", "1.x", "rate", 0.5),
        ("tensorflow.compat.v1.layers.dropout", "2.16", "training", False),
        ("tensorflow.layers.batch_normalization", "1.x", "training", False),
        ("tensorflow.layers.batch_normalization", "1.x", "momentum", 0.99),
        ("keras.layers.BatchNormalization", "2.16", "momentum", 0.99),
        ("keras.losses.SparseCategoricalCrossentropy", "2.16", "from_logits", False),
        ("keras.losses.CategoricalCrossentropy", "2.0", "from_logits", False),
        ("keras.losses.BinaryCrossentropy", "2.11", "from_logits", False),
        ("keras.losses.binary_crossentropy", "2.16", "from_logits", False),
        ("keras.backend.binary_crossentropy", "2.0", "from_logits", False),
        ("keras.optimizers.Adadelta", "2.16", "learning_rate", 0.001),
        ("keras.optimizers.Adadelta", "2.0", "learning_rate", 0.001),
        ("keras.optimizers.Adadelta", "1.x", "learning_rate", 1.0),
        ("tensorflow.keras.optimizers.Adadelta", "1.x", "learning_rate", 0.001),
        ("tensorflow.train.AdadeltaOptimizer", "1.x", "learning_rate", 0.001),
        ("tensorflow.train.AdamOptimizer", "1.x", "epsilon", 1e-8),
        ("tensorflow.train.GradientDescentOptimizer", "1.x", "learning_rate", REQUIRED),
        ("keras.optimizers.SGD", "2.16", "learning_rate", 0.01),
        ("keras.optimizers.Adam", "2.16", "epsilon", 1e-7),
        ("keras.layers.Dense", "2.16", "activation", None),
        ("keras.layers.Dense", "2.16", "kernel_initializer", "glorot_uniform"),
        ("keras.layers.Dropout", "2.16", "rate", REQUIRED),
        ("keras.layers.MaxPooling2D", "2.16", "pool_size", (2, 2)),
        ("keras.Model.compile", "2.16", "optimizer", "rmsprop"),
        ("keras.Model.compile", "2.0", "optimizer", "rmsprop"),
        ("keras.Sequential.fit", "2.16", "shuffle", True),
        ("keras.Sequential.fit", "2.16", "epochs", 1),
        ("keras.utils.image_dataset_from_directory", "2.16", "label_mode", "int"),
        ("keras.utils.image_dataset_from_directory", "2.16", "shuffle", True),
        ("keras.preprocessing.image_dataset_from_directory", "2.0", "label_mode", "int"),
        ("keras.preprocessing.image.ImageDataGenerator.flow_from_directory", "2.0", "class_mode", "categorical"),
        ("numpy.random.uniform", "2.16", "low", 0.0),
        ("numpy.random.uniform", "2.16", "high", 1.0),
        ("numpy.random.normal", "2.16", "scale", 1.0),
        ("numpy.load", "2.16", "allow_pickle", False),
        ("sklearn.model_selection.train_test_split", "2.16", "shuffle", True),
        ("sklearn.model_selection.train_test_split", "2.16", "test_size", None),
        ("tensorflow.contrib.layers.fully_connected", "1.x", "activation_fn", Ref("tf.nn.relu")),
        ("tensorflow.contrib.layers.dropout", "1.x", "keep_prob", 0.5),
        ("tensorflow.contrib.layers.batch_norm", "1.x", "is_training", True),
        ("tensorflow.contrib.slim.max_pool2d", "1.x", "padding", "VALID"),
        ("tensorflow.examples.tutorials.mnist.input_data.read_data_sets", "1.x", "one_hot", False),
    ],
)
def test_default(path: str, generation: str, parameter: str, expected: Any):
    """
    The default is that of the generation the name is used in.
    """
    assert expected == default(path, parameter, generation)


def test_dropout_changed_its_second_parameter():
    """
    The second argument of tf.nn.dropout is the share to keep in version 1 and the share to drop in version 2.
    """
    assert names("tensorflow.nn.dropout", "1.x") == ["x", "keep_prob", "noise_shape", "seed", "name", "rate"]
    assert names("tensorflow.compat.v1.nn.dropout", "2.16") == ["x", "keep_prob", "noise_shape", "seed", "name", "rate"]
    assert names("tensorflow.nn.dropout", "2.0") == ["x", "rate", "noise_shape", "seed", "name"]


def test_variable_takes_trainable_before_dtype():
    """
    The second positional argument of tf.Variable is `trainable`; `dtype` is the seventh, the eighth in version 1.
    """
    assert names("tensorflow.Variable", "2.16")[1] == "trainable"
    assert of("tensorflow.Variable", "2.16").position("dtype") == 6
    assert names("tensorflow.Variable", "1.x")[1] == "trainable"
    assert of("tensorflow.Variable", "1.x").position("dtype") == 7


def test_in_top_k_changed_its_order():
    """
    Version 1 takes the predictions first, version 2 the targets.
    """
    assert names("tensorflow.nn.in_top_k", "1.x") == ["predictions", "targets", "k", "name"]
    assert names("tensorflow.math.in_top_k", "2.0") == ["targets", "predictions", "k", "name"]


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("keras.layers.Dense", ["units", "activation", "use_bias"]),
        ("keras.layers.Dropout", ["rate", "noise_shape", "seed"]),
        ("keras.layers.Conv2D", ["filters", "kernel_size", "strides"]),
        ("keras.Model", ["inputs", "outputs", "name"]),
        ("keras.Sequential", ["layers"]),
        ("tensorflow.layers.dense", ["inputs", "units", "activation"]),
        ("tensorflow.nn.sigmoid_cross_entropy_with_logits", ["labels", "logits", "name"]),
        ("tensorflow.losses.sigmoid_cross_entropy", ["multi_class_labels", "logits"]),
        ("tensorflow.losses.softmax_cross_entropy", ["onehot_labels", "logits"]),
        ("tensorflow.compat.v1.losses.mean_squared_error", ["labels", "predictions"]),
        ("tensorflow.contrib.losses.sigmoid_cross_entropy", ["logits", "multi_class_labels"]),
        ("keras.losses.mse", ["y_true", "y_pred"]),
        ("keras.Model.fit", ["x", "y", "batch_size", "epochs"]),
        ("keras.Sequential.add", ["layer"]),
        ("tensorflow.Session.run", ["fetches", "feed_dict"]),
        ("tensorflow.train.MomentumOptimizer.minimize", ["loss", "global_step", "var_list"]),
        ("tensorflow.data.Dataset.from_tensor_slices", ["tensors"]),
        ("tensorflow.data.Dataset.shuffle", ["buffer_size", "seed"]),
        ("tensorflow.contrib.rnn.BasicLSTMCell", ["num_units", "forget_bias"]),
        ("tensorflow.GradientTape.gradient", ["target", "sources"]),
    ],
)
def test_order(path: str, expected: list[str], generation: str):
    """
    The first parameters, which are given by position, have no `self` before them.
    """
    assert expected == names(path, generation)[: len(expected)]


def test_kinds_of_parameters():
    """
    Keyword-only and star parameters are told apart from positional ones.
    """
    found = of("sklearn.model_selection.train_test_split", "2.16")

    assert Parameter("arrays", "star") == found.parameters[0]
    assert Parameter("test_size", "keyword", None) == found.parameters[1]
    assert found.position("test_size") is None
    assert not found.takes_any_keyword
    assert of("keras.layers.Dense", "2.16").takes_any_keyword


def test_optimizers_before_2_11_take_old_keywords():
    """
    The optimizers of Keras 2 took `decay` and `lr` as keywords until TensorFlow 2.11 replaced them.
    """
    assert of("tensorflow.keras.optimizers.Adam", "2.0").parameter("weight_decay") is None
    assert of("tensorflow.keras.optimizers.Adam", "2.11").parameter("weight_decay") is not None
    assert of("tf_keras.optimizers.Adam", "2.0").parameter("weight_decay") is not None


def test_keras_3_renamed_alpha():
    """
    LeakyReLU follows the flavour, not only the generation.
    """
    assert names("keras.layers.LeakyReLU", "2.16")[0] == "negative_slope"
    assert names("tf_keras.layers.LeakyReLU", "2.16")[0] == "alpha"
    assert names("keras.layers.LeakyReLU", "2.11")[0] == "alpha"


def test_no_signature_is_none():
    """
    Values, modules and unknown names have no signature.
    """
    found = [resolve(p, "2.16") for p in ("tensorflow.float32", "tensorflow.nn", "tensorflow.foo", "keras.layers.Foo")]

    assert [signature(symbol, "2.16") for symbol in found if symbol] == [None] * 4
