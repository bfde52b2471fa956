"""bias-before-batchnorm: a bias that batch normalization subtracts again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.events import TrainableSet
from trainlint.program.values import FALSE, Const, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program


class BiasBeforeBatchnorm(Rule):
    """
    ## What it does
    Reports dense and convolutional layers with a bias whose result goes straight into batch normalization, and nowhere else.
    With an activation or a dropout between the two, the bias has an effect, and nothing is reported.

    ## Why it is bad
    Batch normalization subtracts the mean of each feature, and the bias with it.
    The bias gets no gradient, and `beta` of the normalization does its work: memory and time are spent on numbers without effect.
    Training is none the worse for it, so this is an information.

    ## Example
    ```python
    x = keras.layers.Conv2D(64, 3)(x)
    x = keras.layers.BatchNormalization()(x)
    ```

    ## Use instead
    ```python
    x = keras.layers.Conv2D(64, 3, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    ```

    ## Fix safety
    Unsafe: the network computes the same, but weights that were saved before have one array more.

    ## Probe
    Gives the bias other numbers and compares what comes out of the normalization.
    It is the same, so the finding costs a little time and no accuracy.

    ## References
    - Ioffe and Szegedy, "Batch Normalization", arXiv:1502.03167, section 3.2: "the bias b can be ignored"
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    """

    name, code, category, severity = "bias-before-batchnorm", "TL455", "normalization", "info"
    rank = 20
    evidence = ("certificate",)
    in_all_calls = True
    message = "the bias of this layer has no effect: batch normalization subtracts it again"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "inputs = keras.Input((20,))\n"
            "x = keras.layers.Dense(32, activity_regularizer='l2')(inputs)\n"
            "x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(x))\n"
            "model.compile('adam', 'mse')\n",
            why="a penalty by name",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "def leaf(x, normalized=True):\n"
            "    y = layers.Conv2D(8, 3)(x)\n"
            "    return layers.Flatten()(layers.BatchNormalization()(y) if normalized else y)\n"
            "def small():\n"
            "    images = keras.Input((32, 32, 3))\n"
            "    return keras.Model(images, layers.Dense(3)(leaf(images, False)))\n"
            "def large():\n"
            "    images = keras.Input((64, 64, 3))\n"
            "    return keras.Model(images, layers.Dense(3)(leaf(images)))\n",
            why="one of two networks needs the bias",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras import layers\n"
            "images = keras.Input((32, 32, 3))\n"
            "x = layers.Conv2D(16, 3)(images)\n"
            "x = layers.BatchNormalization(trainable=False)(x)\n"
            "x = layers.Conv2D(16, 3)(layers.ReLU()(x))\n"
            "frozen = layers.BatchNormalization()\n"
            "frozen.trainable = False\n"
            "x = layers.GlobalAveragePooling2D()(layers.ReLU()(frozen(x)))\n"
            "model = keras.Model(images, layers.Dense(3, activation='softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="a frozen normalization subtracts a mean that never moves",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def convolved(x, width):\n"
            "    kernel = tf.get_variable('kernel', [5, 5, x.shape[-1], width])\n"
            "    bias = tf.get_variable('bias', [width])\n"
            "    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, [1, 2, 2, 1], 'SAME'), bias)\n"
            "x = tf.placeholder(tf.float32, [None, 28, 28, 1])\n"
            "with tf.variable_scope('first'):\n"
            "    x = tf.nn.relu(convolved(x, 32))\n"
            "with tf.variable_scope('second'):\n"
            "    x = tf.nn.relu(tf.layers.batch_normalization(convolved(x, 64), training=True))\n"
            "print(x)\n",
            why="the first layer that the helper makes needs its bias",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def scores(features, options):\n"
            "    x = tf.keras.layers.Dense(64, activation='relu')(features)\n"
            "    x = tf.keras.layers.Dense(10)(x)\n"
            "    if options['normalize']:\n"
            "        x = tf.keras.layers.BatchNormalization()(x)\n"
            "    return x\n",
            why="it is normalized at times only",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32, activity_regularizer=keras.regularizers.l2(0.01)),\n"
            "    keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="the penalty is taken of what the bias makes",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((28, 28, 1)), keras.layers.Conv2D(32, 3, use_bias=False),\n"
            "    keras.layers.BatchNormalization(), keras.layers.ReLU(),\n"
            "    keras.layers.Flatten(), keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32, 'relu'), keras.layers.BatchNormalization(),\n"
            "    keras.layers.Dense(10, 'softmax'),\n"
            "])\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            why="behind a relu the bias decides who is active",
        ),
        Valid(
            "from tensorflow import keras\n"
            "inputs = keras.Input((20,))\n"
            "raw = keras.layers.Dense(32)(inputs)\n"
            "normal = keras.layers.BatchNormalization()(raw)\n"
            "outputs = keras.layers.Dense(1)(keras.layers.Add()([raw, normal]))\n"
            "model = keras.Model(inputs, outputs)\n"
            "model.compile('adam', 'mse')\n",
            why="the layer's result is used elsewhere too",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def block(x, width, normalize):\n"
            "    x = tf.layers.dense(x, width)\n"
            "    return normalize(x)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.layers.dense(block(x, 16, load('normalizer')), 1)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(y)))\n",
            why="what normalizes is not known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(32), keras.layers.LayerNormalization(), keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            why="layer normalization takes the mean over features, each of which has a bias of its own",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((20,))\n"
            "code = tf.keras.layers.Dense(32)(inputs)\n"
            "code = tf.keras.layers.Lambda(lambda v: tf.math.l2_normalize(v, axis=-1))(code)\n"
            "model = tf.keras.Model(inputs, code)\n"
            "model.compile('adam', 'mse')\n",
            why="dividing by the length subtracts nothing",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "inputs = keras.Input((28, 28, 1))\n"
            "x = keras.layers.Conv2D(32, 3)(inputs)\n"
            "x = keras.layers.BatchNormalization()(x)\n"
            "x = keras.layers.Flatten()(keras.layers.ReLU()(x))\n"
            "model = keras.Model(inputs, keras.layers.Dense(10, 'softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            at="keras.layers.Conv2D(32, 3)",
            severity="info",
            traces=("subtracts",),
            fixed="from tensorflow import keras\n"
            "inputs = keras.Input((28, 28, 1))\n"
            "x = keras.layers.Conv2D(32, 3, use_bias=False)(inputs)\n"
            "x = keras.layers.BatchNormalization()(x)\n"
            "x = keras.layers.Flatten()(keras.layers.ReLU()(x))\n"
            "model = keras.Model(inputs, keras.layers.Dense(10, 'softmax')(x))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder_with_default(False, [])\n"
            "h = tf.layers.dense(x, 16, activation=None)\n"
            "h = tf.nn.relu(tf.layers.batch_normalization(h, training=training))\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.layers.dense(x, 16, activation=None)",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder_with_default(False, [])\n"
            "h = tf.layers.dense(x, 16, activation=None, use_bias=False)\n"
            "h = tf.nn.relu(tf.layers.batch_normalization(h, training=training))\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(h, 1)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    widths = [32, 64]\n"
            "def block(model, width):\n"
            "    model.add(tf.keras.layers.Dense(width))\n"
            "    model.add(tf.keras.layers.BatchNormalization())\n"
            "    model.add(tf.keras.layers.Activation('relu'))\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
            "for width in Config.widths:\n"
            "    block(model, width)\n"
            "model.add(tf.keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
            at="tf.keras.layers.Dense(width)",
            fixed="import tensorflow as tf\n"
            "class Config:\n"
            "    widths = [32, 64]\n"
            "def block(model, width):\n"
            "    model.add(tf.keras.layers.Dense(width, use_bias=False))\n"
            "    model.add(tf.keras.layers.BatchNormalization())\n"
            "    model.add(tf.keras.layers.Activation('relu'))\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
            "for width in Config.widths:\n"
            "    block(model, width)\n"
            "model.add(tf.keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
        ),
        Invalid(
            "",
            cells=(
                "from keras.models import Sequential\n"
                "from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, ReLU\n",
                "model = Sequential()\n"
                "model.add(Conv2D(8, (3, 3), input_shape=(28, 28, 1)))\n"
                "model.add(BatchNormalization())\n"
                "model.add(ReLU())\n"
                "model.add(Flatten())\n"
                "model.add(Dense(10, activation='softmax'))\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            ),
            at="Conv2D(8, (3, 3), input_shape=(28, 28, 1))",
            cell=1,
            fixed="from keras.models import Sequential\n"
            "from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, ReLU\n\n"
            "model = Sequential()\n"
            "model.add(Conv2D(8, (3, 3), input_shape=(28, 28, 1), use_bias=False))\n"
            "model.add(BatchNormalization())\n"
            "model.add(ReLU())\n"
            "model.add(Flatten())\n"
            "model.add(Dense(10, activation='softmax'))\n"
            "model.compile('adam', 'sparse_categorical_crossentropy')\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        found = {total.id: (total, normalization) for total, normalization in _normalized(program)}
        # A line of a helper may add the bias of several layers: it has to go for all of them.
        others = [o for o in program.of_kind("add") if o.id not in found and _bias(program, o) is not None]
        needed = {o.place for o in others if not any(map(_is_batch_norm, program.consumers(o.output)))}
        for total, normalization in found.values():
            if total.place not in needed:
                trace = [Step(normalization.place, "batch normalization subtracts the mean here")]
                asked = total.arguments.get("use_bias")
                if asked is not None and asked.given and len(total.context.calls) > bool(program.root):
                    # The block leaves the choice to its callers, and may leave the bias out by itself.
                    trace.append(Step(total.context.calls[-1], "this is a call that asks for the bias"))
                yield self.report(
                    total.place,
                    trace=trace,
                    remedies=_remedies(total),
                    subject=total.layer or total.id,
                )


def _normalized(program: Program) -> Iterator[tuple[Operation, Operation]]:
    """Sums with a bias that nothing but a batch normalization gets, each with that one."""
    for normalization in program.of_kind("normalization"):
        if not _is_batch_norm(normalization) or _is_frozen(program, normalization):
            continue
        total = program.operation(normalization.inputs[0]) if normalization.inputs else None
        if total is None or not _is_over_features(normalization):
            continue
        if not set(total.context.conditions).issuperset(normalization.context.conditions):
            continue  # it is normalized at times
        bias = _bias(program, total)
        if bias is not None and len(program.consumers(total.output)) == 1 and len(program.consumers(bias.output)) == 1:
            penalty = total.arguments.get("activity_regularizer")
            if penalty is None or is_none(penalty.value):
                yield total, normalization


def _is_frozen(program: Program, normalization: Operation) -> bool:
    """Whether it subtracts a mean that stays as it is: the bias moves against it, and is learned."""
    if normalization.attributes.get("training") == FALSE:
        return True
    if any(event.target is normalization.layer and event.value is False for event in program.events_of(TrainableSet)):
        return True
    own = [program.operation(value) for value in normalization.inputs[1:]]
    return any(o is not None and o.kind == "variable" and o.attributes.get("trainable") is False for o in own)


def _is_batch_norm(operation: Operation) -> bool:
    return operation.kind == "normalization" and operation.attributes.get("form") == "batch"


def _bias(program: Program, total: Operation) -> Operation | None:
    """The trained variable that is added to a product with weights, if the operation is just that sum."""
    if total.kind != "add" or len(total.inputs) != 2:
        return None
    product, bias = program.operation(total.inputs[0]), program.operation(total.inputs[1])
    if product is None or bias is None:
        return None
    if product.kind == "variable":
        product, bias = bias, product
    is_sum = product.kind in ("matmul", "convolution") and bias.kind == "variable"
    is_vector = len(bias.output.shape or ()) == 1 and bias.attributes.get("trainable") is True
    return bias if is_sum and is_vector and len(program.consumers(product.output)) == 1 else None


def _is_over_features(normalization: Operation) -> bool:
    """Whether each feature has a mean of its own, so that it takes the whole bias with it."""
    axis = normalization.arguments.get("axis")
    if axis is None or not axis.given:
        return True
    rank = normalization.output.rank
    number = axis.value.value if isinstance(axis.value, Const) else None
    return number == -1 or (rank is not None and number == rank - 1)


_WITH_SWITCH = ("Dense", "Conv1D", "Conv2D", "Conv3D", "dense", "conv1d", "conv2d", "conv3d", "Conv2DTranspose")


def _remedies(total: Operation) -> list[Remedy]:
    given = total.arguments.get("use_bias")
    if total.symbol is None or total.symbol.name.rsplit(".", 1)[-1] not in _WITH_SWITCH:
        return []
    if ".contrib" in total.symbol.path:
        return []
    existing = given.place if given is not None else None
    action = SetArgument(total.place, "use_bias", ("False",), existing=existing)
    return [Remedy("Leave the bias out", "unsafe", (action,))]
