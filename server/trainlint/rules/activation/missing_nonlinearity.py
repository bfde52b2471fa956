"""missing-nonlinearity: two linear layers in a row are one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, SetArgument, Wrap
from trainlint.program.heads import narrowest, sharing_place, trained
from trainlint.program.program import SHAPING
from trainlint.program.values import Const, Tensor
from trainlint.program.weights import kernel_of, kernel_side
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

PASSING = SHAPING | {"resize", "pad"}
"""What is linear in its first input."""

DELIBERATE = ("proj", "embed", "query", "key", "value", "lora", "bottleneck", "low_rank", "lowrank", "latent", "code")
"""Words in the name of a layer that is linear on purpose."""


class MissingNonlinearity(Rule):
    """
    ## What it does
    Reports a hidden layer without an activation whose result goes into another layer as it is, or only through dropout, reshaping, average pooling or batch normalization.
    With max pooling between the two it is an information, since that bends the function a little.

    ## Why it is bad
    Two linear layers in a row compute what one linear layer can compute.
    However many of them are stacked, the network stays a linear model, and all it gets from its depth is a longer way for the gradient.
    `Dense`, `Conv2D` and `tf.layers.dense` have no activation unless one is given.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64), keras.layers.Dense(1)])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)])
    ```

    ## Fix safety
    Unsafe: the network computes something else, which is the point.

    ## Probe
    Checks on pairs of inputs whether the output of their mean is the mean of their outputs; then trains both and compares.

    ## References
    - https://keras.io/api/layers/core_layers/dense/
    - Schoop et al., "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", CHI 2021
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", ICSE 2020
    """

    name, code, category, severity = "missing-nonlinearity", "TL204", "activation", "warning"
    rank = 80
    evidence = ("certificate", "training")
    message = "nothing bends the function between this layer of {units} units and the next one{between}: {effect}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "images = keras.Input((64, 64, 3))\n"
            "near = layers.MaxPooling2D()(layers.Conv2D(64, 3, padding='same', activation='relu')(images))\n"
            "far = layers.MaxPooling2D()(layers.Conv2D(256, 3, padding='same', activation='relu')(near))\n"
            "scores = layers.Conv2DTranspose(21, 4, strides=2, padding='same')(layers.Conv2D(21, 1)(far))\n"
            "scores = layers.Softmax()(layers.Add()([scores, layers.Conv2D(21, 1)(near)]))\n"
            "model = keras.Model(images, scores)\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="the scores of a coarse image are enlarged, as in fully convolutional networks",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "again = tf.layers.dense(tf.layers.dense(x, 2), 3)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(again - x)))\n",
            why="a linear autoencoder finds principal components",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "x = images = keras.Input((64, 64, 3))\n"
            "x = layers.Conv2D(16, 3, activation='relu')(x)\n"
            "for _ in range(2):\n"
            "    x = layers.Conv2D(96, 1, activation='relu')(x)\n"
            "    x = layers.ReLU(6)(layers.BatchNormalization()(layers.DepthwiseConv2D(3)(x)))\n"
            "    x = layers.BatchNormalization()(layers.Conv2D(96, 1)(x))\n"
            "x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 1, activation='relu')(x))\n"
            "model = keras.Model(images, layers.Dense(10, 'softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="blocks of MobileNetV2 end in a linear bottleneck",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential(\n"
                '    [keras.Input((20,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]\n'
                ")\n"
                'model.compile("adam", loss="mse")\n'
            ),
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "w1 = tf.Variable(tf.truncated_normal([20, 16], stddev=0.1))\n"
                "w2 = tf.Variable(tf.truncated_normal([16, 1], stddev=0.1))\n"
                "hidden = tf.nn.tanh(tf.matmul(x, w1))\n"
                "loss = tf.reduce_mean(tf.square(tf.matmul(hidden, w2) - 1.0))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((784,)), layers.Dense(2), layers.Dense(784)])\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="A linear code much narrower than both sides is a principal component analysis.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((20,))])\n"
                "for units in (64, 32):\n"
                "    model.add(layers.Dense(units))\n"
                "    model.add(layers.BatchNormalization())\n"
                "    model.add(layers.LeakyReLU())\n"
                "model.add(layers.Dense(1))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="The activation is a layer of its own.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "\n"
                "class Swish(layers.Layer):\n"
                "    def call(self, x):\n"
                "        return x * keras.activations.sigmoid(x)\n"
                "\n"
                "\n"
                "inputs = keras.Input((20,))\n"
                "hidden = Swish()(layers.Dense(64)(inputs))\n"
                "skip = layers.Dense(64)(hidden)\n"
                "outputs = layers.Dense(1)(layers.add([skip, hidden]))\n"
                "model = keras.Model(inputs, outputs)\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="A function of the author's own, and a sum with what went around the layer.",
        ),
        Valid(
            (
                "import argparse\n"
                "from tensorflow import keras\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--activation")\n'
                'args = parser.parse_args(["--activation", input()])\n'
                "model = keras.Sequential(\n"
                '    [keras.Input((20,)), keras.layers.Dense(64, activation=args.activation + "u"), keras.layers.Dense(1)]\n'
                ")\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="Which activation there is cannot be known.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((16,)), layers.Dense(7 * 7 * 8), layers.Reshape((7, 7, 8))])\n"
                'model.add(layers.Conv2DTranspose(4, 5, strides=2, padding="same", activation="relu"))\n'
                'model.add(layers.Conv2DTranspose(1, 5, strides=2, padding="same", activation="sigmoid"))\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
            ),
            why="A code is projected to the first image of a decoder.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "from tensorflow.keras import layers\n"
                "\n"
                "model = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(16, (1, 7)), layers.Conv2D(16, (7, 1))])\n"
                "model.add(layers.ReLU())\n"
                "model.add(layers.GlobalAveragePooling2D())\n"
                'model.add(layers.Dense(4, activation="softmax"))\n'
                'model.compile("adam", loss="categorical_crossentropy")\n'
            ),
            why="One convolution of 7 by 7, taken apart to save weights.",
        ),
        Valid(
            (
                "import tensorflow as tf\n"
                "\n"
                "frozen = tf.keras.layers.Dense(256, trainable=False)\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,)), frozen, tf.keras.layers.Dense(1)])\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="A random projection that is not trained.",
        ),
        Valid(
            (
                "from tensorflow import keras\n"
                "\n"
                "inputs = keras.Input((32,))\n"
                "x = keras.layers.Dense(32, use_bias=False)(inputs)\n"
                'outputs = keras.layers.Dense(3, activation="softmax")(x)\n'
                "model = keras.Model(inputs, outputs)\n"
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
            why="A projection: without a bias, and with nothing that would stand in for it.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((20,))\n"
            "code = tf.keras.layers.Dense(32)(inputs)\n"
            "code = tf.keras.layers.Lambda(lambda v: tf.math.l2_normalize(v, axis=1))(code)\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(code))\n"
            "model.compile('adam', 'mse')\n",
            why="to divide by the length is not linear",
        ),
    ]
    INVALID = [
        Invalid(
            (
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential(\n"
                "    [keras.Input((20,)), keras.layers.Dense(64), keras.layers.Dense(1)]\n"
                ")\n"
                'model.compile("adam", loss="mse")\n'
            ),
            at="keras.layers.Dense(64)",
            severity="warning",
            message="layer of 64 units",
            traces=("this is the next layer",),
            fixed=(
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential(\n"
                '    [keras.Input((20,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]\n'
                ")\n"
                'model.compile("adam", loss="mse")\n'
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "w1 = tf.Variable(tf.truncated_normal([20, 16], stddev=0.1))\n"
                "b1 = tf.Variable(tf.zeros([16]))\n"
                "w2 = tf.Variable(tf.truncated_normal([16, 1], stddev=0.1))\n"
                "h1 = tf.matmul(x, w1) + b1\n"
                "out = tf.matmul(h1, w2)\n"
                "loss = tf.reduce_mean(tf.square(out - y))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="tf.matmul(x, w1) + b1",
            severity="warning",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "w1 = tf.Variable(tf.truncated_normal([20, 16], stddev=0.1))\n"
                "b1 = tf.Variable(tf.zeros([16]))\n"
                "w2 = tf.Variable(tf.truncated_normal([16, 1], stddev=0.1))\n"
                "h1 = tf.nn.relu(tf.matmul(x, w1) + b1)\n"
                "out = tf.matmul(h1, w2)\n"
                "loss = tf.reduce_mean(tf.square(out - y))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
        ),
        Invalid(
            (
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "\n"
                "\n"
                "def layer(x, units, activation=None):\n"
                "    return tf.layers.dense(x, units, activation=activation)\n"
                "\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 20])\n"
                "hidden = tf.layers.dropout(layer(x, 32), 0.5, training=True)\n"
                "loss = tf.reduce_mean(tf.square(layer(hidden, 1) - 1.0))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            at="layer(x, 32)",
            severity="warning",
            message="but dropout",
            traces=("the layer is made here",),
            why="The same call makes the last layer, so there is no fix.",
        ),
        Invalid(
            (
                "from keras import Input, Sequential\n"
                "from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D\n"
                "\n"
                "model = Sequential([Input((28, 28, 1))])\n"
                "model.add(Conv2D(8, 3))\n"
                "model.add(MaxPooling2D())\n"
                "model.add(Flatten())\n"
                'model.add(Dense(10, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
            at="Conv2D(8, 3)",
            severity="info",
            message="max pooling",
            fixed=(
                "from keras import Input, Sequential\n"
                "from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D\n"
                "\n"
                "model = Sequential([Input((28, 28, 1))])\n"
                'model.add(Conv2D(8, 3, activation="relu"))\n'
                "model.add(MaxPooling2D())\n"
                "model.add(Flatten())\n"
                'model.add(Dense(10, activation="softmax"))\n'
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            ),
        ),
        Invalid(
            (
                "import tensorflow as tf\n"
                "\n"
                "\n"
                "class Config:\n"
                "    sizes = (64, 32)\n"
                "    activation = None\n"
                "\n"
                "\n"
                "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
                "for size in Config.sizes:\n"
                "    model.add(tf.keras.layers.Dense(size, activation=Config.activation))\n"
                "    model.add(tf.keras.layers.BatchNormalization())\n"
                'model.add(tf.keras.layers.Dense(1, activation="sigmoid"))\n'
                'model.compile("adam", loss="binary_crossentropy")\n'
            ),
            at="tf.keras.layers.Dense(size, activation=Config.activation)",
            severity="warning",
            message="but batch normalization",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from tensorflow import keras\n"
                    "class Net(keras.Model):\n"
                    "    def __init__(self):\n"
                    "        super().__init__()\n"
                    "        self.hidden = keras.layers.Dense(32)\n"
                    "        self.head = keras.layers.Dense(3)\n"
                    "    def call(self, x):\n"
                    "        return self.head(self.hidden(x))\n"
                ),
                (
                    "model = Net()\n"
                    "model.build((None, 8))\n"
                    'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
                ),
            ),
            at="keras.layers.Dense(32)",
            severity="warning",
            cell=0,
            fixed=(
                "from tensorflow import keras\n"
                "class Net(keras.Model):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                '        self.hidden = keras.layers.Dense(32, activation="relu")\n'
                "        self.head = keras.layers.Dense(3)\n"
                "    def call(self, x):\n"
                "        return self.head(self.hidden(x))\n"
                "\n"
                "model = Net()\n"
                "model.build((None, 8))\n"
                'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
            ),
        ),
        Invalid(
            (
                "from tensorflow import keras\n"
                "\n"
                "inputs = keras.Input((32, 32, 3))\n"
                "x = keras.layers.Conv2D(16, 3, use_bias=False)(inputs)\n"
                "x = keras.layers.BatchNormalization()(x)\n"
                'x = keras.layers.Conv2D(16, 3, activation="relu")(x)\n'
                "outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))\n"
                "model = keras.Model(inputs, outputs)\n"
                'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
            ),
            at="keras.layers.Conv2D(16, 3, use_bias=False)",
            severity="warning",
            message="batch normalization",
            fixed=(
                "from tensorflow import keras\n"
                "\n"
                "inputs = keras.Input((32, 32, 3))\n"
                'x = keras.layers.Conv2D(16, 3, use_bias=False, activation="relu")(inputs)\n'
                "x = keras.layers.BatchNormalization()(x)\n"
                'x = keras.layers.Conv2D(16, 3, activation="relu")(x)\n'
                "outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))\n"
                "model = keras.Model(inputs, outputs)\n"
                'model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n'
            ),
            why="Batch normalization makes the bias useless, so its absence says nothing.",
        ),
        Invalid(
            (
                "import gym\n"
                "from tensorflow import keras\n"
                "\n"
                'world = gym.make("CartPole-v1")\n'
                'model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(24, activation="relu")])\n'
                "model.add(keras.layers.Dense(24))\n"
                "model.add(keras.layers.Dense(world.action_space.n))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            at="keras.layers.Dense(24)",
            severity="warning",
            fixed=(
                "import gym\n"
                "from tensorflow import keras\n"
                "\n"
                'world = gym.make("CartPole-v1")\n'
                'model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(24, activation="relu")])\n'
                'model.add(keras.layers.Dense(24, activation="relu"))\n'
                "model.add(keras.layers.Dense(world.action_space.n))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="How many outputs there are is not known, but the layer is as wide as the one before it.",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        linear = []
        unbent = set()
        for following, layer, last, between in program.recall_each(_pairs, "matmul", "convolution"):
            unbent.add(last.id)
            if layer.id in trained(program) and _is_hidden(program, layer, following, between):
                linear.append((layer, last, between, following))
        for layer, last, between, following in linear:
            is_bent = "max pooling" in between
            effect = "max pooling alone bends it little" if is_bent else "together they are one linear layer"
            trace = [Step(following.place, "this is the next layer")] if following.place != layer.place else []
            # Where one helper makes layers of both kinds, the call is wrong and not the helper.
            written = sharing_place(program, last)
            if len(written) > 1:
                bent = {other.id for other in written} - unbent
                related = program.ancestors(last.output) | {user.id for user in program.descendants(last.output)}
                place = narrowest(program, last, {o.id for o in written} - (bent & related)) or last.place
            else:
                place = last.place
            if place != last.place:
                trace.insert(0, Step(last.place, "the layer is made here"))
            elif len(layer.context.calls) > bool(program.root) and not _is_made_before(layer):
                # A function that is read by itself has no caller.
                trace.insert(0, Step(layer.context.calls[-1], "this is the call that makes it"))
            yield self.report(
                place, severity="info" if is_bent else "warning", units=_units(layer),
                between=f" but {' and '.join(between)}" if between else "", effect=effect,
                trace=trace, remedies=_remedies(program, layer, last), subject=layer.id,
            )  # fmt: skip


def _is_made_before(layer: Operation) -> bool:
    """Whether a layer is made by the module, and called later by a function."""
    return layer.layer is not None and layer.layer.frame.parent is None


def _pairs(program: Program, following: Operation) -> Iterator[tuple[Operation, Operation, Operation, list[str]]]:
    found = _linear_before(program, following)
    if found is not None:
        yield following, *found


def _linear_before(program: Program, following: Operation) -> tuple[Operation, Operation, list[str]] | None:
    """The layer whose result goes into another one unbent: its product, its last operation, and what lies between."""
    if not _is_trained_layer(program, following):
        return None
    value = following.inputs[1 - kernel_side(program, following)]
    between: list[str] = []
    last: Operation | None = None
    user: Operation = following
    current = program.operation(value)
    for _ in range(24):
        if current is None or any(
            other is not user and other.kind != "opaque" for other in program.consumers(current.id)
        ):
            return None  # what also goes elsewhere, such as a skip connection
        if current.kind in ("matmul", "convolution"):
            if current.kind == "matmul" and following.kind == "convolution":
                return None  # a vector that is projected to the first image of a generator
            if not _is_trained_layer(program, current) or (
                current.layer is not None and current.layer is following.layer
            ):
                return None
            if _are_two_halves(current, following) or _ends_inverted_block(program, current, following):
                return None
            return current, last or current, list(dict.fromkeys(between))
        kind = current.kind
        inner = program.operation(current.inputs[0]) if current.inputs else None
        if kind == "add":
            parts = [program.operation(part) for part in current.inputs]
            layers = [part for part in parts if part is not None and part.kind != "variable"]
            if len(parts) != 2 or len(layers) != 1 or layers[0].kind not in ("matmul", "convolution"):
                return None
            inner, last = layers[0], current
        elif kind == "normalization" and current.attributes.get("form") == "batch":
            between.append("batch normalization")
        elif kind == "pool" and current.attributes.get("how") in ("max", "mean", "average", "avg"):
            between.append("max pooling" if current.attributes.get("how") == "max" else "average pooling")
        elif kind == "dropout":
            between.append("dropout")
        elif kind not in PASSING and not (kind == "activation" and current.attributes.get("function") == "linear"):
            return None
        user, current = current, inner
    return None


def _is_trained_layer(program: Program, operation: Operation) -> bool:
    kernel = kernel_of(program, operation)
    if kernel is None or kernel.attributes.get("trainable") is not True or _is_frozen(program, operation):
        return False
    name = operation.name if operation.symbol is None else operation.symbol.name
    return "epthwise" not in name and "eparable" not in name


def _are_two_halves(first: Operation, second: Operation) -> bool:
    """Whether two convolutions are one that is taken apart: a row after a column, or the other way round."""
    shapes = [layer.inputs[1].shape for layer in (first, second) if isinstance(layer.inputs[1], Tensor)]
    sizes = [shape[:2] for shape in shapes if shape is not None and len(shape) == 4]
    if len(sizes) != 2:
        return False
    (high, wide), (other_high, other_wide) = sizes
    return (high == 1 and other_wide == 1 and wide != 1) or (wide == 1 and other_high == 1 and high != 1)


def _ends_inverted_block(program: Program, layer: Operation, following: Operation) -> bool:
    """Whether a pointwise convolution behind a depthwise one goes into a convolution again.

    That is the linear bottleneck between two inverted residual blocks (Sandler et al., arXiv:1801.04381, section 3.2).
    """
    kernel = layer.inputs[1] if len(layer.inputs) > 1 else None
    shape = kernel.shape if isinstance(kernel, Tensor) else None
    if following.kind != "convolution" or shape is None or shape[:-2] != (1,) * (len(shape) - 2):
        return False
    before = program.source(layer.inputs[0], _WITHIN_BLOCK)
    return before is not None and before.kind == "convolution" and "epthwise" in before.name


_WITHIN_BLOCK = PASSING | {"add", "normalization", "activation", "multiply", "dropout"}


def _is_frozen(program: Program, operation: Operation) -> bool:
    record = program.object(operation.layer) if operation.layer is not None else None
    argument = None if record is None else record.arguments.get("trainable")
    return argument is not None and argument.given and argument.value != Const(True)


def _units(layer: Operation) -> object:
    """The width of a layer's result; the kernel knows it where the input is not known."""
    if layer.output.shape:
        return layer.output.shape[-1]
    kernel = layer.inputs[1] if layer.kind == "matmul" and len(layer.inputs) > 1 else None
    return kernel.shape[-1] if isinstance(kernel, Tensor) and kernel.shape else None


def _is_hidden(program: Program, layer: Operation, following: Operation, between: list[str]) -> bool:
    """Whether a layer of known width is not linear on purpose: narrow, without bias or called a projection."""
    units, outputs = _units(layer), _units(following)
    given = layer.inputs[1 - kernel_side(program, layer)]
    if not isinstance(units, int) or units < 2 or not isinstance(given, Tensor):
        return False
    width = given.shape[-1] if given.shape else None
    if given.encoding == "one-hot" or given.activation == "softmax":
        return False  # picks rows of a table
    if units == outputs and "ranspose" in following.name and isinstance(width, int) and 2 * units <= width:
        return False  # scores of classes that a learned interpolation enlarges (Long et al., arXiv:1411.4038)
    widens = not isinstance(outputs, int) or outputs > units
    if widens and (not isinstance(width, int) or 2 * units <= width):
        return False
    if isinstance(width, int) and units < width == outputs:
        return False  # a linear autoencoder finds principal components
    record = program.object(layer.layer) if layer.layer is not None else None
    arguments = layer.arguments if record is None else record.arguments
    bias, name = arguments.get("use_bias"), arguments.get("name")
    # Batch normalization makes a bias useless; elsewhere leaving it out is the mark of a projection.
    if bias is not None and bias.given and bias.value != Const(True) and "batch normalization" not in between:
        return False
    text = str(name.value.value).lower() if name is not None and isinstance(name.value, Const) else ""
    return not any(word in text for word in DELIBERATE)


def _remedies(program: Program, layer: Operation, last: Operation) -> list[Remedy]:
    if len(sharing_place(program, layer)) > 1 or len(sharing_place(program, last)) > 1:
        return []
    action = _activation(program, layer, last)
    return [] if action is None else [Remedy("Give the layer a relu", "unsafe", (action,))]


def _activation(program: Program, layer: Operation, last: Operation) -> Action | None:
    """A relu as the layer's argument, or around what computes it."""
    record = program.object(layer.layer) if layer.layer is not None else None
    if record is not None:
        argument = record.arguments.get("activation")
        if argument is None or not record.name.startswith("keras."):
            return None
        return SetArgument(record.place, "activation", ('"relu"',), existing=argument.place)
    if "activation" in layer.arguments:
        name = ApiName("tensorflow.nn.relu", layer.place)
        return SetArgument(layer.place, "activation", (name,), existing=layer.arguments["activation"].place)
    return Wrap(last.place, (ApiName("tensorflow.nn.relu", last.place), "("), (")",))
