"""undersized-initial-weights: weights drawn so small that a deep network starts with outputs of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue
from trainlint.program.heads import PLAIN, learning_rate, optimizer_name, optimizers_of, trained
from trainlint.program.sizes import RELU_LIKE, sizes
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.fixes.actions import Piece
    from trainlint.program.program import Program
    from trainlint.program.sizes import LayerSize
    from trainlint.program.values import ApiObject
    from trainlint.source.code import Place

VANISHED = 1e-3
"""Size of the outputs for inputs of size 1: three layers of 64 units with a spread of .01 start at .0003.

Measured on such a network, 1500 steps of Adam: accuracy .63 with a spread of .01, .88 with He's .18.
"""

DEPTH = 3
"""Two layers recover within some steps, since only one of them waits for the other."""

STEPS = 1000
"""Adam moves a weight by about the rate in each step, so that many steps at least are lost."""

_ADAMS = ("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "RMSProp")

SMALL = 0.5
"""Share of the recommended spread from which on a layer is part of the cause."""


class UndersizedInitialWeights(Rule):
    """
    ## What it does
    Reports networks of three layers and more whose weights are drawn so small that inputs of size 1 come out below 0.001.
    Each layer has to be written with a spread of its own below half of what is recommended; normalization and shortcuts make up for it, and nothing is reported.
    Adam and its relatives make up for it as well, unless their rate is so small that it takes them more than 1000 steps.

    ## Why it is bad
    Each layer makes its input smaller by the same factor, forwards and backwards.
    The output hardly depends on the input at first, and the gradient of each layer is as small as all others together make it.
    Training starts with a long plateau, or stays there.

    ## Example
    ```python
    small = keras.initializers.RandomNormal(stddev=0.001)
    for _ in range(4):
        model.add(keras.layers.Dense(64, activation="relu", kernel_initializer=small))
    ```

    ## Use instead
    ```python
    for _ in range(4):
        model.add(keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal"))
    ```

    ## Fix safety
    Unsafe: training starts from other weights, which is the point.

    ## Probe
    Compares the gradients of the first and the last layer, and the loss after some hundred steps with He's initializer.

    ## References
    - He et al., "Delving Deep into Rectifiers", arXiv:1502.01852: a network of 30 layers with a spread of 0.01 does not converge
    - Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010
    """

    name, code, category, severity = "undersized-initial-weights", "TL104", "initialization", "warning"
    rank = 36
    evidence = ("training",)
    message = (
        "these weights are drawn with a spread of {spread:.2g}, {share:.2g} of what {fan_in} inputs call for; "
        "after {depth} such layers the outputs start around {last:.1g}"
    )

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,))])\n"
            "for _ in range(4):\n"
            "    model.add(keras.layers.Dense(64, activation='relu', kernel_initializer='he_normal'))\n"
            "model.add(keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "small = keras.initializers.RandomNormal(stddev=0.01)\n"
            "model = keras.Sequential([keras.Input((20,))])\n"
            "for _ in range(4):\n"
            "    model.add(keras.layers.Dense(64, use_bias=False, kernel_initializer=small))\n"
            "    model.add(keras.layers.BatchNormalization())\n"
            "    model.add(keras.layers.ReLU())\n"
            "model.add(keras.layers.Dense(1, kernel_initializer=small))\n"
            "model.compile('adam', 'mse')\n",
            why="normalization makes up for it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "w = tf.Variable(tf.truncated_normal([784, 64], stddev=0.01))\n"
            "v = tf.Variable(tf.truncated_normal([64, 10], stddev=0.01))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(tf.nn.relu(tf.matmul(x, w)), v))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
            why="two layers recover soon",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def build(x, width, spread):\n"
            "    for index in range(4):\n"
            "        w = tf.Variable(tf.random_normal([width, width], stddev=spread))\n"
            "        x = tf.nn.relu(tf.matmul(x, w))\n"
            "    return x\n",
            why="the spread is not known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,))])\n"
            "for _ in range(3):\n"
            "    model.add(keras.layers.Dense(64, 'relu', kernel_initializer=keras.initializers.RandomNormal(stddev=0.01)))\n"
            "model.add(keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
            why="Adam grows such weights in some hundred steps",
        ),
        Valid(
            "",
            cells=(
                "from keras import Input, Model, initializers, layers\n",
                "small = initializers.RandomNormal(stddev=0.001)\n"
                "inputs = Input((64,))\n"
                "x = inputs\n"
                "for _ in range(4):\n"
                "    x = layers.add([x, layers.Dense(64, activation='relu', kernel_initializer=small)(x)])\n"
                "model = Model(inputs, layers.Dense(1)(x))\n"
                "model.compile('adam', 'mse')\n",
            ),
            why="the shortcuts pass the input on",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,))])\n"
            "for _ in range(3):\n"
            "    model.add(keras.layers.Dense(64, 'relu', kernel_initializer=keras.initializers.RandomNormal(stddev=0.01)))\n"
            "model.add(keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02)))\n"
            "model.compile('sgd', 'mse')\n",
            at="keras.initializers.RandomNormal(stddev=0.01)",
            severity="warning",
            message="spread of 0.01",
            traces=("the outputs",),
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,))])\n"
            "for _ in range(3):\n"
            "    model.add(keras.layers.Dense(64, 'relu', kernel_initializer='he_normal'))\n"
            "model.add(keras.layers.Dense(1, kernel_initializer='glorot_normal'))\n"
            "model.compile('sgd', 'mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "SPREAD = 0.01\n"
            "def weight_variable(shape):\n"
            "    return tf.Variable(tf.truncated_normal(shape, stddev=SPREAD))\n"
            "x = tf.placeholder(tf.float32, [None, 32])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "h = tf.nn.relu(tf.matmul(x, weight_variable([32, 64])))\n"
            "h = tf.nn.relu(tf.matmul(h, weight_variable([64, 64])))\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.matmul(h, weight_variable([64, 3])))\n"
            "train = tf.train.AdamOptimizer(1e-4).minimize(loss)\n",
            at="tf.truncated_normal(shape, stddev=SPREAD)",
            severity="warning",
        ),
        Invalid(
            "",
            cells=(
                "from keras import Sequential, layers, initializers\n"
                "config = {'spread': 0.001, 'widths': [128, 64, 32]}\n",
                "small = initializers.TruncatedNormal(stddev=config['spread'])\n"
                "model = Sequential([layers.Input((50,))])\n"
                "for width in config['widths']:\n"
                "    model.add(layers.Dense(width, activation='tanh', kernel_initializer=small))\n"
                "model.add(layers.Dense(2, activation='softmax', kernel_initializer=small))\n"
                "model.compile('sgd', 'sparse_categorical_crossentropy')\n",
            ),
            at="small",
            occurrence=1,
            cell=1,
            fixed="from keras import Sequential, layers, initializers\n"
            "config = {'spread': 0.001, 'widths': [128, 64, 32]}\n\n"
            "small = initializers.TruncatedNormal(stddev=config['spread'])\n"
            "model = Sequential([layers.Input((50,))])\n"
            "for width in config['widths']:\n"
            "    model.add(layers.Dense(width, activation='tanh', kernel_initializer='glorot_normal'))\n"
            "model.add(layers.Dense(2, activation='softmax', kernel_initializer='glorot_normal'))\n"
            "model.compile('sgd', 'sparse_categorical_crossentropy')\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if not any(_is_chosen(operation.attributes.get("distribution")) for operation in program.of_kind("random")):
            return
        found = sizes(program)
        reached = trained(program)
        for last in found.layers:
            if last.hidden or last.operation.id not in reached:
                continue
            largest = None if last.size is None or last.relative is None else max(last.size, last.relative)
            if largest is None or not 0 < largest < VANISHED:
                continue
            keys = program.ancestors(last.operation.id)
            if any((o := program.operation(key)) is None or o.kind in _OTHERS for key in keys):
                continue
            chain = [layer for layer in found.layers if layer.operation.id in keys]
            if len(chain) < DEPTH or not all(_is_small(layer) for layer in chain):
                continue
            makers = optimizers_of(program, last.operation)
            if not makers or not all(_is_slow(maker, chain) for maker in makers):
                continue
            first = chain[0]
            assert first.source is not None
            trace = [Step(last.operation.place, "the outputs are computed here")]
            places = dict.fromkeys(layer.source.place for layer in chain if layer.source is not None)
            trace += [Step(place, "these weights are as small") for place in list(places)[1:]]
            yield self.report(
                first.source.place,
                spread=first.spread,
                share=first.ratio,
                fan_in=first.fan_in,
                depth=len(chain),
                last=largest,
                trace=trace,
                assumed=first.kernel.output.assumed,
                remedies=_remedies(chain),
                subject=first.operation.id,
            )


_OTHERS = frozenset(("normalization", "recurrent", "attention", "opaque", "embedding"))


def _is_slow(optimizer: ApiObject | None, chain: list[LayerSize]) -> bool:
    """Whether an optimizer takes many steps to make up for it: plain descent, or steps of far less than a weight."""
    if optimizer is None:
        return False
    name = optimizer_name(optimizer)
    if name in PLAIN:
        return True
    argument = learning_rate(optimizer)
    rate = constant(argument.value) if argument is not None else None
    return name in _ADAMS and rate is not None and max(layer.recommended for layer in chain) > STEPS * rate


def _is_chosen(distribution: object) -> bool:
    return distribution in ("normal", "truncated", "uniform")


def _is_small(layer: LayerSize) -> bool:
    """Whether the author chose a spread that is far too small, for as many inputs as are known."""
    return (
        layer.source is not None
        and _is_chosen(layer.source.attributes.get("distribution"))
        and layer.kernel.attributes.get("trainable") is not False
        and not layer.assumed
        and not layer.normalized
        and not layer.one_hot
        and layer.ratio < SMALL
    )


def _remedies(chain: list[LayerSize]) -> list[Remedy]:
    """Initializers that look at the shape, in place of all that are written."""
    actions: dict[Place, ReplaceValue] = {}
    for layer in chain:
        source = layer.source
        if source is None or "initializer" not in source.attributes or source.place == layer.operation.place:
            return []
        scheme = "he_normal" if layer.hidden and layer.activation in RELU_LIKE else "glorot_normal"
        name: tuple[Piece, ...] = (f'"{scheme}"',)
        if not layer.operation.name.startswith("keras"):
            name = (ApiName(f"tensorflow.keras.initializers.{scheme}", source.place), "()")
        actions.setdefault(source.place, ReplaceValue(source.place, name))
    return [Remedy("Use initializers that look at the shape", "unsafe", tuple(actions.values()))]
