"""Names: every spelling of one operation has one canonical name."""

from __future__ import annotations

import pytest

from trainlint.tfapi import GENERATIONS, Symbol, availability, base, identifier, is_v1, resolve


def name(path: str, generation: str = "2.16") -> str | None:
    symbol = resolve(path, generation)
    return None if symbol is None else symbol.name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow", "tf"),
        ("tensorflow.nn", "tf.nn"),
        ("tensorflow.matmul", "tf.matmul"),
        ("tensorflow.linalg.matmul", "tf.matmul"),
        ("tensorflow.compat.v1.matmul", "tf.matmul"),
        ("tensorflow.compat.v2.matmul", "tf.matmul"),
        ("tensorflow.math.sigmoid", "tf.sigmoid"),
        ("tensorflow.nn.sigmoid", "tf.sigmoid"),
        ("tensorflow.sigmoid", "tf.sigmoid"),
        ("tensorflow.nn.tanh", "tf.tanh"),
        ("tensorflow.nn.softmax", "tf.nn.softmax"),
        ("tensorflow.math.softmax", "tf.nn.softmax"),
        ("tensorflow.compat.v1.math.softmax", "tf.nn.softmax"),
        ("tensorflow.math.reduce_mean", "tf.reduce_mean"),
        ("tensorflow.compat.v1.reduce_mean", "tf.reduce_mean"),
        ("tensorflow.random.normal", "tf.random.normal"),
        ("tensorflow.compat.v1.random_normal", "tf.random.normal"),
        ("tensorflow.compat.v1.random_uniform", "tf.random.uniform"),
        ("tensorflow.compat.v1.truncated_normal", "tf.random.truncated_normal"),
        ("tensorflow.compat.v1.log", "tf.math.log"),
        ("tensorflow.compat.v1.set_random_seed", "tf.random.set_seed"),
        ("tensorflow.compat.v1.squared_difference", "tf.math.squared_difference"),
        ("tensorflow.compat.v1.nn.softmax_cross_entropy_with_logits_v2", "tf.nn.softmax_cross_entropy_with_logits"),
        ("tensorflow.float32", "tf.float32"),
        ("tensorflow.python.framework.dtypes.float32", "tf.float32"),
        ("tensorflow.python.ops.rnn_cell.LSTMCell", "tf.nn.rnn_cell.LSTMCell"),
        ("tensorflow.python.platform.app.run", "tf.app.run"),
        ("tensorflow.nn.in_top_k", "tf.nn.in_top_k"),
        ("tensorflow.math.in_top_k", "tf.nn.in_top_k"),
        ("tensorflow.data.Dataset.batch", "tf.data.Dataset.batch"),
        ("tensorflow.no.such.thing", "tf.no.such.thing"),
    ],
)
def test_tensorflow(path: str, expected: str):
    """
    The shortest public name of TensorFlow 2 stands for all the others.
    """
    assert expected == name(path)


@pytest.mark.parametrize(
    "path",
    [
        "tensorflow.keras.layers.Conv2D",
        "keras.layers.Conv2D",
        "tf_keras.layers.Conv2D",
        "tensorflow.python.keras.layers.Conv2D",
        "tensorflow.compat.v1.keras.layers.Conv2D",
        "tensorflow.contrib.keras.layers.Conv2D",
        "keras.api.layers.Conv2D",
        "keras.api.keras.layers.Conv2D",
        "keras.src.layers.convolutional.conv2d.Conv2D",
        "keras.layers.Convolution2D",
        "keras.layers.convolutional.Conv2D",
        "tensorflow.python.keras.layers.convolutional.Conv2D",
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_spellings_of_keras(path: str, generation: str):
    """
    All spellings of a Keras class are one name in every generation.
    """
    assert name(path, generation) == "keras.layers.Conv2D"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("keras.layers.normalization.BatchNormalization", "keras.layers.BatchNormalization"),
        ("keras.layers.advanced_activations.LeakyReLU", "keras.layers.LeakyReLU"),
        ("keras.layers.experimental.preprocessing.Rescaling", "keras.layers.Rescaling"),
        ("tensorflow.keras.layers.experimental.preprocessing.RandomFlip", "keras.layers.RandomFlip"),
        ("keras.engine.topology.Layer", "keras.layers.Layer"),
        ("keras.engine.training.Model", "keras.Model"),
        ("keras.models.Model", "keras.Model"),
        ("keras.models.Sequential", "keras.Sequential"),
        ("keras.layers.Input", "keras.Input"),
        ("keras.Layer", "keras.layers.Layer"),
        ("keras.utils.np_utils.to_categorical", "keras.utils.to_categorical"),
        ("keras.preprocessing.sequence.pad_sequences", "keras.utils.pad_sequences"),
        ("keras.preprocessing.image_dataset_from_directory", "keras.utils.image_dataset_from_directory"),
        ("keras.preprocessing.image.ImageDataGenerator", "keras.preprocessing.image.ImageDataGenerator"),
        ("keras.losses.mse", "keras.losses.mean_squared_error"),
        ("keras.losses.MSE", "keras.losses.mean_squared_error"),
        ("keras.metrics.mse", "keras.losses.mean_squared_error"),
        ("keras.losses.BinaryCrossentropy", "keras.losses.BinaryCrossentropy"),
        ("keras.metrics.BinaryCrossentropy", "keras.metrics.BinaryCrossentropy"),
        ("keras.initializers.he_normal", "keras.initializers.HeNormal"),
        ("keras.initializers.random_normal", "keras.initializers.RandomNormal"),
        ("keras.regularizers.l2", "keras.regularizers.L2"),
        ("keras.applications.vgg16.VGG16", "keras.applications.VGG16"),
        ("keras.backend.mean", "keras.backend.mean"),
        ("keras.datasets.mnist.load_data", "keras.datasets.mnist.load_data"),
        ("keras.objectives.binary_crossentropy", "keras.losses.binary_crossentropy"),
        ("keras.Sequential.fit", "keras.Model.fit"),
        ("keras.Sequential.add", "keras.Sequential.add"),
        ("keras.Model.fit_generator", "keras.Model.fit_generator"),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_keras(path: str, expected: str, generation: str):
    """
    Module paths of old Keras, lower-case spellings and inherited methods lead to the present name.
    """
    assert expected == name(path, generation)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("numpy", "np"),
        ("numpy.zeros", "np.zeros"),
        ("numpy.random.random_sample", "np.random.random"),
        ("numpy.random.ranf", "np.random.random"),
        ("numpy.amax", "np.max"),
        ("numpy.absolute", "np.abs"),
        ("numpy.concat", "np.concatenate"),
        ("numpy.newaxis", "np.newaxis"),
        ("numpy.ndarray.astype", "np.ndarray.astype"),
        ("numpy.random.RandomState.normal", "np.random.RandomState.normal"),
        ("sklearn.cross_validation.train_test_split", "sklearn.model_selection.train_test_split"),
        ("sklearn.svm.SVC", "sklearn.svm.SVC"),
        ("os.path.join", "os.path.join"),
        ("functools.partial", "functools.partial"),
        ("tqdm.auto.tqdm", "tqdm.tqdm"),
        ("tensorflow_addons.losses.SigmoidFocalCrossEntropy", "tensorflow_addons.losses.SigmoidFocalCrossEntropy"),
        ("torch.nn.Linear", None),
        ("mypackage.models.build", None),
    ],
)
def test_neighbours(path: str, expected: str | None):
    """
    numpy and the libraries around a training script are known too; other packages are not.
    """
    assert expected == name(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow.contrib.layers.l2_regularizer", "tf.contrib.layers.l2_regularizer"),
        ("tensorflow.contrib.layers.xavier_initializer_conv2d", "tf.contrib.layers.xavier_initializer"),
        ("tensorflow.contrib.rnn.BasicLSTMCell", "tf.nn.rnn_cell.BasicLSTMCell"),
        ("tensorflow.contrib.framework.python.ops.arg_scope", "tf.contrib.framework.arg_scope"),
        ("tensorflow.contrib.framework.python.ops.arg_scope.arg_scope", "tf.contrib.framework.arg_scope"),
        ("tensorflow.contrib.layers.python.layers.layers.conv2d", "tf.contrib.layers.conv2d"),
        ("tensorflow.contrib.layers.python.layers.utils.last", "tf.contrib.layers.python.layers.utils.last"),
        ("tensorflow.contrib.slim.conv2d", "tf.contrib.layers.conv2d"),
        ("tf_slim.conv2d", "tf.contrib.layers.conv2d"),
        ("tensorflow.contrib.slim.nets.vgg.vgg_16", "tf.contrib.slim.nets.vgg.vgg_16"),
        ("tensorflow.contrib.data.Dataset.map", "tf.data.Dataset.map"),
        ("tensorflow.mul", "tf.multiply"),
        ("tensorflow.pack", "tf.stack"),
        ("tensorflow.placeholder", "tf.placeholder"),
        ("tensorflow.layers.dense", "tf.layers.dense"),
        ("tensorflow.train.AdamOptimizer", "tf.train.AdamOptimizer"),
        ("tensorflow.train.AdamOptimizer.minimize", "tf.train.Optimizer.minimize"),
        ("tensorflow.losses.sigmoid_cross_entropy", "tf.losses.sigmoid_cross_entropy"),
        ("tensorflow.metrics.accuracy", "tf.metrics.accuracy"),
        ("tensorflow.app.flags.DEFINE_integer", "tf.flags.DEFINE_integer"),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_tensorflow_1(path: str, expected: str, generation: str):
    """
    What only TensorFlow 1 has is named whatever the generation is taken to be.
    """
    assert expected == name(path, generation)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow.losses.MeanSquaredError", "keras.losses.MeanSquaredError"),
        ("tensorflow.optimizers.Adam", "keras.optimizers.Adam"),
        ("tensorflow.metrics.Mean", "keras.metrics.Mean"),
        ("tensorflow.initializers.GlorotUniform", "keras.initializers.GlorotUniform"),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_keras_in_tensorflow_2(path: str, expected: str, generation: str):
    """
    `tf.losses`, `tf.metrics`, `tf.optimizers` and `tf.initializers` of TensorFlow 2 are those of Keras.
    """
    assert expected == name(path, generation)


def test_symbol_tells_flavour_and_kind():
    """
    The symbol holds what the program wrote and which namespace that is.
    """
    assert Symbol("tf.nn.dropout", "tensorflow.compat.v1.nn.dropout", "tf.compat.v1", "function") == resolve(
        "tensorflow.compat.v1.nn.dropout", "2.16"
    )
    assert Symbol("tf.float32", "tensorflow.float32", "tf", "value") == resolve("tensorflow.float32", "1.x")
    assert Symbol("tf.foo.bar", "tensorflow.foo.bar", "tf", "unknown") == resolve("tensorflow.foo.bar", "2.16")
    flavours = {
        "tensorflow.keras.Model": "tf.keras",
        "keras.Model": "keras",
        "tf_keras.Model": "tf_keras",
        "tensorflow.python.keras.Model": "tensorflow.python.keras",
        "tensorflow.contrib.layers.flatten": "tf.contrib",
        "numpy.zeros": "numpy",
        "sklearn.metrics.f1_score": "sklearn",
    }
    found = {path: symbol.flavour for path in flavours if (symbol := resolve(path, "2.16"))}

    assert flavours == found


@pytest.mark.parametrize(
    ("path", "generation", "expected"),
    [
        ("tensorflow.nn.dropout", "1.x", True),
        ("tensorflow.nn.dropout", "2.0", False),
        ("tensorflow.compat.v1.nn.dropout", "2.16", True),
        ("tensorflow.placeholder", "2.16", True),
        ("tensorflow.losses.sigmoid_cross_entropy", "2.0", True),
        ("tensorflow.losses.MeanSquaredError", "2.0", False),
        ("tensorflow.contrib.layers.conv2d", "2.16", True),
        ("tensorflow.keras.layers.Dense", "1.x", False),
        ("numpy.zeros", "1.x", False),
    ],
)
def test_is_v1(path: str, generation: str, expected: bool):
    """
    The meaning of version 1 holds in its generation, through compat.v1, and for names that nothing else has.
    """
    symbol = resolve(path, generation)
    assert symbol is not None

    assert expected == is_v1(symbol, generation)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tensorflow.placeholder", ("1.x",)),
        ("tensorflow.compat.v1.placeholder", GENERATIONS),
        ("tensorflow.contrib.layers.l2_regularizer", ("1.x",)),
        ("tf_slim.conv2d", GENERATIONS),
        ("tensorflow.matmul", GENERATIONS),
        ("tensorflow.optimizers.Adam", ("2.0", "2.11", "2.16")),
        ("tensorflow.keras.optimizers.legacy.Adam", ("2.11", "2.16")),
        ("keras.ops.relu", ("2.16",)),
        ("keras.random.normal", ("2.16",)),
        ("keras.layers.core.Dense", ("1.x", "2.0", "2.11")),
        ("tf_keras.layers.Dense", GENERATIONS),
        ("tensorflow.estimator.Estimator", ("1.x", "2.0", "2.11")),
        ("tensorflow.foo", ()),
    ],
)
def test_availability(path: str, expected: tuple[str, ...]):
    """
    Each name tells the generations that have it under that path.
    """
    symbol = resolve(path, "2.16")
    assert symbol is not None

    assert expected == availability(symbol)


def test_base():
    """
    A class leads to the nearest class whose methods are listed.
    """
    bases = {
        path: base(symbol, "2.16")
        for path in ("keras.layers.Dense", "keras.Sequential", "keras.models.Sequential", "tensorflow.matmul")
        if (symbol := resolve(path, "2.16"))
    }

    assert bases == {
        "keras.layers.Dense": "keras.layers.Layer",
        "keras.Sequential": "keras.Model",
        "keras.models.Sequential": "keras.Model",
        "tensorflow.matmul": None,
    }


@pytest.mark.parametrize(
    ("group", "text", "expected"),
    [
        ("activations", "relu", "keras.activations.relu"),
        ("activations", "softmax", "keras.activations.softmax"),
        ("activations", "linear", "keras.activations.linear"),
        ("losses", "mse", "keras.losses.mean_squared_error"),
        ("losses", "mean_squared_error", "keras.losses.mean_squared_error"),
        ("losses", "sparse_categorical_crossentropy", "keras.losses.sparse_categorical_crossentropy"),
        ("losses", "SparseCategoricalCrossentropy", "keras.losses.SparseCategoricalCrossentropy"),
        ("metrics", "mae", "keras.metrics.MeanAbsoluteError"),
        ("metrics", "AUC", "keras.metrics.AUC"),
        ("metrics", "accuracy", None),
        ("optimizers", "adam", "keras.optimizers.Adam"),
        ("optimizers", "RMSprop", "keras.optimizers.RMSprop"),
        ("optimizers", "rmsprop", "keras.optimizers.RMSprop"),
        ("initializers", "he_normal", "keras.initializers.HeNormal"),
        ("initializers", "glorot_uniform", "keras.initializers.GlorotUniform"),
        ("initializers", "zeros", "keras.initializers.Zeros"),
        ("initializers", "random_normal", "keras.initializers.RandomNormal"),
        ("regularizers", "l2", "keras.regularizers.L2"),
        ("losses", "no_such_loss", None),
        ("nonsense", "relu", None),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_identifier(group: str, text: str, expected: str | None, generation: str):
    """
    A string that Keras takes in place of an object leads to the symbol of that object.
    """
    symbol = identifier(group, text, generation)

    assert (symbol.name if symbol else None) == expected
