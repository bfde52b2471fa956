"""saturating-hidden-stack: several hidden layers in a row with sigmoid or tanh."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Action, ApiName, Remedy, ReplaceValue, Source
from trainlint.program import dims
from trainlint.program.assumptions import assumptions
from trainlint.program.heads import argument_for, sharing_place, weights_before
from trainlint.program.program import SHAPING, Program
from trainlint.program.values import Const, Id, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from trainlint.program.operations import Operation

SLOPES = {"sigmoid": 0.25, "hard_sigmoid": 0.2, "tanh": 1.0}
"""The largest slope of each function."""

N_LAYERS = {"sigmoid": 2, "hard_sigmoid": 2, "tanh": 5}
"""How many in a row are reported: two sigmoids already lose .83 of the relative skill after 50 steps, as measured."""

SMALL_GRADIENT = 2e-2
"""Three sigmoids with Glorot weights let .016 through; five lose .75 of the relative skill in 200 steps."""

LARGE_INPUT = 10.0
"""Inputs above are unscaled: there relu does worse than sigmoid, an accuracy of .54 against .97 on raw colours."""

_PASSING = SHAPING | {"pool"}


class SaturatingHiddenStack(Rule):
    """
    ## What it does
    Reports two or more hidden layers in a row that use sigmoid, or five or more that use tanh, with nothing that
    normalises or goes around them.
    The code of an autoencoder does not count.

    ## Why it is bad
    Such a function is flat for large values, so each layer lets only a part of the gradient through, and the first layers learn slowly.

    The slope of a sigmoid is at most 0.25: each layer lets at most a quarter of the gradient through, times what its
    weights make of it.
    After three layers with the usual weights less than 2 % are left.
    This is a slow-down: the network gets there in the end.

    ## Example
    ```python
    model = keras.Sequential([
        keras.layers.Dense(64, activation="sigmoid"),
        keras.layers.Dense(64, activation="sigmoid"),
        keras.layers.Dense(64, activation="sigmoid"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    ```

    ## Fix safety
    Unsafe: it is another network.
    It is not offered while the inputs are unscaled, where ReLU does worse than sigmoid.

    ## Probe
    Trains with and without the repair.
    How large the gradient of the first layer is against that of the last is told beside it.

    ## References
    - Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010
    - Zhang et al., "AutoTrainer: An Automatic DNN Training Problem Detection and Repair System", ICSE 2021
    - Own measurement: relative skill lost by five sigmoid layers 1.0, 0.75 and 0.53 after 50, 200 and 500 steps
    """

    name, code, category, severity = "saturating-hidden-stack", "TL203", "activation", "warning"
    rank = 60
    evidence = ("training",)
    message = "{n} hidden layers in a row use {function}, {effect}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            '    keras.layers.Dense(64, activation="relu"),\n'
            '    keras.layers.Dense(64, activation="relu"),\n'
            '    keras.layers.Dense(1, activation="sigmoid"),\n'
            "])\n"
            'model.compile("adam", loss="binary_crossentropy")\n',
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = tf.layers.dense(x, 32, activation=tf.sigmoid)\n"
            "loss = tf.losses.log_loss(y, tf.layers.dense(hidden, 1, activation=tf.sigmoid))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="One hidden sigmoid and one at the end are no stack.",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "\n"
            "inputs = tensor = keras.Input((32,))\n"
            "for _ in range(3):\n"
            '    gate = layers.Dense(32, activation="sigmoid")(tensor)\n'
            "    tensor = layers.Multiply()([tensor, gate])\n"
            "model = keras.Model(inputs, layers.Dense(5)(tensor))\n"
            'model.compile("adam", loss=keras.losses.CategoricalCrossentropy(from_logits=True))\n',
            why="Gates multiply what goes around them.",
        ),
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "model = tf.keras.Sequential([tf.keras.Input((64,))])\n"
            "for units in (64, 64, 64):\n"
            "    model.add(tf.keras.layers.Dense(units))\n"
            "    model.add(tf.keras.layers.BatchNormalization())\n"
            '    model.add(tf.keras.layers.Activation("sigmoid"))\n'
            'model.add(tf.keras.layers.Dense(10, activation="softmax"))\n'
            'model.compile("adam", loss="categorical_crossentropy")\n',
            why="Normalisation between the layers keeps the sigmoids where they are steep.",
        ),
        Valid(
            "import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((64,))])\n"
            "for units in (64, 64, 64, 64, 64):\n"
            '    model.add(keras.layers.Dense(units, "tanh", kernel_initializer="lecun_normal"))\n'
            "model.add(keras.layers.Dense(1))\n"
            'model.compile("adam", loss="mse")\n',
            why="The author chose weights that suit tanh.",
        ),
        Valid(
            "import keras\n"
            "import settings\n"
            "\n"
            "model = keras.Sequential([keras.Input((64,))])\n"
            "for units in (64, 64, 64, 64, 64):\n"
            '    model.add(keras.layers.Dense(units, "tanh", kernel_initializer=settings.START))\n'
            "model.add(keras.layers.Dense(1))\n"
            'model.compile("adam", loss="mse")\n',
            why="Weights that are not known may suit tanh.",
        ),
        Valid(
            "import sys\n"
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([keras.Input((64,))])\n"
            "for units in (64, 64, 64):\n"
            "    model.add(keras.layers.Dense(units, activation=sys.argv[1]))\n"
            "model.add(keras.layers.Dense(1))\n"
            'model.compile("adam", loss="mse")\n',
            why="The activation is not known.",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([\n"
            "    keras.Input((784,)),\n"
            '    keras.layers.Dense(32, activation="sigmoid"),\n'
            '    keras.layers.Dense(128, activation="sigmoid"),\n'
            '    keras.layers.Dense(784, activation="sigmoid"),\n'
            "])\n"
            'model.compile("adam", loss="mse")\n',
            why="The code of an autoencoder is squeezed on purpose, so one hidden layer remains.",
        ),
        Valid(
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([\n"
            "    keras.Input((784,)),\n"
            '    keras.layers.Dense(256, activation="sigmoid"),\n'
            '    keras.layers.Dense(128, activation="sigmoid"),\n'
            '    keras.layers.Dense(256, activation="sigmoid"),\n'
            '    keras.layers.Dense(784, activation="sigmoid"),\n'
            "])\n"
            'model.compile("adam", loss="mse")\n',
            why="The code stands between the two others, which are not in a row.",
        ),
    ]
    INVALID = [
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "\n"
            "model = keras.Sequential([\n"
            "    keras.Input((64,)),\n"
            '    keras.layers.Dense(64, activation="sigmoid"),\n'
            '    keras.layers.Dense(64, activation="sigmoid"),\n'
            '    keras.layers.Dense(64, activation="sigmoid"),\n'
            '    keras.layers.Dense(10, activation="softmax"),\n'
            "])\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            "model.fit(np.random.normal(size=(500, 64)), np.random.randint(0, 10, size=500))\n",
            at='"sigmoid"',
            severity="warning",
            message="whose slope is at most 0.25; with these weights about 1.6 %",
            traces=("and here", "and here"),
            fixed=(
                "import numpy as np\n"
                "from tensorflow import keras\n"
                "\n"
                "model = keras.Sequential([\n"
                "    keras.Input((64,)),\n"
                '    keras.layers.Dense(64, activation="relu"),\n'
                '    keras.layers.Dense(64, activation="relu"),\n'
                '    keras.layers.Dense(64, activation="relu"),\n'
                '    keras.layers.Dense(10, activation="softmax"),\n'
                "])\n"
                'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
                "model.fit(np.random.normal(size=(500, 64)), np.random.randint(0, 10, size=500))\n"
            ),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 64])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            'w1, w2, w3 = (tf.get_variable(name, [64, 64]) for name in ("w1", "w2", "w3"))\n'
            "h1 = tf.sigmoid(tf.matmul(x, w1))\n"
            "h2 = tf.sigmoid(tf.matmul(h1, w2))\n"
            "loss = tf.losses.mean_squared_error(y, tf.matmul(h2, w3)[:, :10])\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.sigmoid(tf.matmul(x, w1))",
            severity="info",
            message="2 hidden layers",
            fixed=(
                "import tensorflow as tf\n"
                "\n"
                "x = tf.placeholder(tf.float32, [None, 64])\n"
                "y = tf.placeholder(tf.float32, [None, 10])\n"
                'w1, w2, w3 = (tf.get_variable(name, [64, 64]) for name in ("w1", "w2", "w3"))\n'
                "h1 = tf.nn.relu(tf.matmul(x, w1))\n"
                "h2 = tf.nn.relu(tf.matmul(h1, w2))\n"
                "loss = tf.losses.mean_squared_error(y, tf.matmul(h2, w3)[:, :10])\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="Two layers learn slower as well, but not by much.",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "\n"
            "\n"
            "def layer(tensor, rows, columns):\n"
            "    return tf.nn.sigmoid(tf.matmul(tensor, tf.Variable(tf.random_normal([rows, columns]))))\n"
            "\n"
            "\n"
            "hidden = layer(layer(layer(x, 3, 10), 10, 10), 10, 5)\n"
            "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(hidden, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.nn.sigmoid(tf.matmul(tensor, tf.Variable(tf.random_normal([rows, columns]))))",
            severity="info",
            message="about 11 %",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "\n"
                "tf.disable_v2_behavior()\n"
                "x = tf.placeholder(tf.float32, [None, 3])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "\n"
                "\n"
                "def layer(tensor, rows, columns):\n"
                "    return tf.nn.relu(tf.matmul(tensor, tf.Variable(tf.random_normal([rows, columns]))))\n"
                "\n"
                "\n"
                "hidden = layer(layer(layer(x, 3, 10), 10, 10), 10, 5)\n"
                "loss = tf.losses.sigmoid_cross_entropy(y, tf.layers.dense(hidden, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="Weights of a standard deviation of 1 let more of the gradient through.",
        ),
        Invalid(
            "import argparse\n"
            "\n"
            "import keras\n"
            "from keras import layers\n"
            "\n"
            "parser = argparse.ArgumentParser()\n"
            'parser.add_argument("--depth", type=int, default=4)\n'
            'parser.add_argument("--activation", default="hard_sigmoid")\n'
            "args = parser.parse_args()\n"
            "inputs = tensor = keras.Input((32,))\n"
            "for _ in range(args.depth):\n"
            "    tensor = layers.Dense(32, activation=args.activation)(tensor)\n"
            "    tensor = layers.Dropout(0.2)(tensor)\n"
            "model = keras.Model(inputs, layers.Dense(1)(tensor))\n"
            'model.compile("adam", loss="mse")\n',
            at="args.activation",
            severity="warning",
            message="4 hidden layers in a row use hard_sigmoid",
            fixed=(
                "import argparse\n"
                "\n"
                "import keras\n"
                "from keras import layers\n"
                "\n"
                "parser = argparse.ArgumentParser()\n"
                'parser.add_argument("--depth", type=int, default=4)\n'
                'parser.add_argument("--activation", default="hard_sigmoid")\n'
                "args = parser.parse_args()\n"
                "inputs = tensor = keras.Input((32,))\n"
                "for _ in range(args.depth):\n"
                '    tensor = layers.Dense(32, activation="relu")(tensor)\n'
                "    tensor = layers.Dropout(0.2)(tensor)\n"
                "model = keras.Model(inputs, layers.Dense(1)(tensor))\n"
                'model.compile("adam", loss="mse")\n'
            ),
            why="Depth and activation are defaults of the command line; dropout between the layers changes nothing.",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "\n"
            "(x, y), _ = tf.keras.datasets.mnist.load_data()\n"
            "model = tf.keras.Sequential([\n"
            "    tf.keras.layers.Flatten(input_shape=(28, 28)),\n"
            "    tf.keras.layers.Dense(64, activation=tf.nn.sigmoid),\n"
            "    tf.keras.layers.Dense(64, activation=tf.nn.sigmoid),\n"
            '    tf.keras.layers.Dense(10, activation="softmax"),\n'
            "])\n"
            'model.compile("adam", loss="sparse_categorical_crossentropy")\n'
            "model.fit(x, y)\n",
            at="tf.nn.sigmoid",
            severity="info",
            why="On raw pixels relu does worse, so the data has to be scaled first.",
        ),
        Invalid(
            "",
            cells=(
                (
                    "from tensorflow.keras import Input, Sequential\n"
                    "from tensorflow.keras.layers import Dense\n"
                    'stack = [Dense(48, activation="tanh") for _ in range(5)]\n'
                ),
                ('model = Sequential([Input((48,)), *stack, Dense(1)])\nmodel.compile("sgd", loss="mse")\n'),
            ),
            at='"tanh"',
            severity="info",
            message="5 hidden layers in a row use tanh",
            cell=0,
            fixed=(
                "from tensorflow.keras import Input, Sequential\n"
                "from tensorflow.keras.layers import Dense\n"
                'stack = [Dense(48, activation="relu") for _ in range(5)]\n'
                "\n"
                "model = Sequential([Input((48,)), *stack, Dense(1)])\n"
                'model.compile("sgd", loss="mse")\n'
            ),
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        members = {found.id: found for found in program.of_kind("activation") if _is_hidden(program, found)}
        inner = set()
        chains = []
        for activation in members.values():
            before = _layer_before(program, activation)
            if before is not None and before.id in members:
                inner.add(before.id)
        for activation in members.values():
            if activation.id not in inner:
                chains.append(_chain(program, activation, members))
        for whole in chains:
            chain = _without_code(program, whole)
            if not chain:
                continue
            function = str(chain[0].attributes["function"])
            if len(chain) < N_LAYERS[function] or (function == "tanh" and _is_suited(program, chain)):
                continue
            share = _share(program, whole)
            is_small = len(chain) >= 3 and share is not None and share < SMALL_GRADIENT
            places = list(dict.fromkeys(activation.place for activation in chain))
            yield self.report(
                places[0], severity="warning" if is_small else "info",
                n=len(chain), function=function, effect=_effect(function, share),
                trace=[Step(place, "and here") for place in places[1:]], assumed=assumptions(*chain),
                remedies=_remedies(program, chain), subject=chain[0].id,
            )  # fmt: skip


def _is_hidden(program: Program, activation: Operation) -> bool:
    """Whether an activation is that of a plain hidden layer: weights before it, weights after it, nothing around it."""
    if activation.attributes.get("function") not in SLOPES or weights_before(program, activation.inputs[0]) is None:
        return False
    queue, feeds_weights = [activation], False
    while queue:
        current = queue.pop()
        for user in program.consumers(current.output):
            if user.kind in _PASSING:
                queue.append(user)
            elif user.kind in ("matmul", "convolution") and current.id is _input_of(user):
                feeds_weights = True
            elif user.kind in _AROUND:
                # A gate, an attention, a residual connection: the gradient has another way.
                return False
    return feeds_weights


_AROUND = frozenset(
    (
        "multiply",
        "add",
        "subtract",
        "concat",
        "matmul",
        "maximum",
        "minimum",
        "select",
        "recurrent",
        "attention",
        "divide",
    )
)


def _input_of(weights: Operation) -> object:
    value = weights.inputs[0] if weights.inputs else None
    return value.op if isinstance(value, Tensor) else None


def _layer_before(program: Program, activation: Operation) -> Operation | None:
    """The activation that the weights of a layer work on."""
    weights = weights_before(program, activation.inputs[0])
    found = None if weights is None else program.source(weights.inputs[0], _PASSING)
    return found if found is not None and found.kind == "activation" and _family(found) == _family(activation) else None


def _family(activation: Operation) -> str:
    return "tanh" if activation.attributes.get("function") == "tanh" else "sigmoid"


def _chain(program: Program, last: Operation, members: dict[Id, Operation]) -> list[Operation]:
    """The layers in a row that end with this one, first one first."""
    chain = [last]
    while len(chain) <= len(members):
        before = _layer_before(program, chain[0])
        if before is None or before.id not in members:
            break
        chain.insert(0, before)
    return chain


def _share(program: Program, chain: list[Operation]) -> float | None:
    """How much of the gradient at the end of the chain reaches the weights of its first layer, where all slopes are
    the largest; None when a size is not known.

    On the way back a unit sums over the outputs of the next layer, and what the first layer makes of it for its own
    inputs is no part: its weights learn from what arrives there.
    """
    share = SLOPES[str(chain[0].attributes["function"])]
    for activation in chain[1:]:
        weights = weights_before(program, activation.inputs[0])
        kernel = None if weights is None else program.tensor(weights.inputs[1])
        fan_out = None if weights is None else _fan_back(weights, kernel)
        if kernel is None or kernel.rms is None or fan_out is None:
            return None
        share *= SLOPES[str(activation.attributes["function"])] * math.sqrt(fan_out) * kernel.rms
    return share


def _fan_back(weights: Operation, kernel: Tensor | None) -> float | None:
    """How many outputs an input of a layer goes into: all taps of a convolution, spread by its stride."""
    fan_in, fan_out = weights.attributes.get("fan_in"), weights.attributes.get("fan_out")
    if not isinstance(fan_out, int):
        return None
    if weights.kind == "matmul":
        return fan_out
    source, result = weights.inputs[0], weights.output
    entering = source.shape[-1] if isinstance(source, Tensor) and source.shape else None
    before, after = _width(source), _width(result)
    if not isinstance(entering, int) or not isinstance(fan_in, int) or before is None or after is None:
        return None
    # Each of the outputs takes `fan_in` inputs, so each input goes into `fan_in` times outputs over inputs of them.
    return fan_in * after / before


def _width(value: object) -> int | None:
    """How many numbers a tensor holds for each sample."""
    shape = value.shape if isinstance(value, Tensor) else None
    width = dims.product(shape[1:]) if shape is not None else None
    return width if isinstance(width, int) and width > 0 else None


def _without_code(program: Program, chain: list[Operation]) -> list[Operation]:
    """The longer side of an autoencoder without its code, which may be squeezed on purpose, else the whole chain.

    The code is the one narrowest layer between inputs and outputs of one width.
    """
    first = weights_before(program, chain[0].inputs[0])
    following = [o for o in program.descendants(chain[-1].output) if o.kind in ("matmul", "convolution")]
    if first is None or not following:
        return chain
    entering, leaving = _width(first.inputs[0]), _width(following[0].output)
    widths = [_width(activation.output) for activation in chain]
    known = [width for width in widths if width is not None]
    if entering is None or entering != leaving or len(known) < len(chain):
        return chain
    least = min(known)
    if known.count(least) != 1 or least >= entering:
        return chain
    code = known.index(least)
    return max(chain[:code], chain[code + 1 :], key=len)


def _effect(function: str, share: float | None) -> str:
    text = f"whose slope is at most {SLOPES[function]:g}"
    if function == "tanh":
        text = "which is flat for large values"
    if share is not None and share < 0.5:
        text += (
            f"; with these weights about {100 * share:.2g} % of the gradient reaches the first at best, "
            "which learns slower for it"
        )
    return text


def _is_suited(program: Program, chain: list[Operation]) -> bool:
    """Whether the author chose initial weights for tanh: by Glorot or LeCun, in so many words, or by what is unknown."""
    for activation in chain:
        weights = weights_before(program, activation.inputs[0])
        kernel = None if weights is None else program.operation(weights.inputs[1])
        initial = None if kernel is None or not kernel.inputs else program.operation(kernel.inputs[0])
        if kernel is None or initial is None or initial.attributes.get("distribution") not in ("fan", None):
            continue
        if kernel.layer is None and kernel.symbol is not None and kernel.symbol.name.endswith("Variable"):
            return True
        if any(
            argument.given
            for name, argument in kernel.arguments.items()
            if name in ("kernel_initializer", "initializer")
        ):
            return True
    return False


def _remedies(program: Program, chain: list[Operation]) -> list[Remedy]:
    first = weights_before(program, chain[0].inputs[0])
    source = None if first is None else program.tensor(first.inputs[0])
    if source is None or (source.rms is not None and source.rms > LARGE_INPUT):
        return []
    ids = {activation.id for activation in chain}
    actions: dict[object, Action] = {}
    for activation in chain:
        if any(
            other.id not in ids and not _is_same_layer(other, chain) for other in sharing_place(program, activation)
        ):
            return []
        action = _relu(activation)
        if action is None:
            return []
        actions[activation.place] = action
    return [Remedy(f"Use relu in these {len(chain)} layers", "unsafe", tuple(actions.values()))]


def _is_same_layer(other: Operation, chain: list[Operation]) -> bool:
    """Whether an operation is another call of a layer in the chain."""
    return other.layer is not None and any(other.layer is activation.layer for activation in chain)


def _relu(activation: Operation) -> Action | None:
    """The activation written as relu, in the author's way of naming it."""
    argument = activation.arguments.get("activation")
    if activation.attributes.get("argument") and argument is not None and argument.place is not None:
        if isinstance(argument.value, Const):
            return ReplaceValue(argument.place, ('"relu"',))
        return ReplaceValue(argument.place, (ApiName("tensorflow.nn.relu", argument.place),))
    given = argument_for(activation, activation.inputs[0])
    if given is None or given.place is None or activation.layer is not None:
        return None
    return ReplaceValue(
        activation.place, (ApiName("tensorflow.nn.relu", activation.place), "(", Source(given.place), ")")
    )
