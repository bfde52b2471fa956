"""missing-training-flag: a training step of one's own that runs dropout and batch normalization as in inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.dropouts import call_frame, call_of
from trainlint.program.values import TRUE, Tensor, Unknown, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid
from trainlint.source.code import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

_BATCH = "keras.layers.BatchNormalization"


class MissingTrainingFlag(Rule):
    """
    ## What it does
    Reports a model with dropout or batch normalization that is called without `training=True` below a `tf.GradientTape`, where the gradient trains it.

    ## Why it is bad
    `fit` tells the layers of a model that it is training; in a step of one's own nobody does.
    Dropout then drops nothing, and batch normalization divides by moving averages that stay at 1 and 0.
    The program runs, and regularization and normalization are simply missing.

    ## Example
    ```python
    with tf.GradientTape() as tape:
        loss = loss_function(y, model(x))
    ```

    ## Use instead
    ```python
    with tf.GradientTape() as tape:
        loss = loss_function(y, model(x, training=True))
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Looks whether units are dropped and moving averages change in such a step.

    ## References
    - tensorflow/tensorflow#31184, tensorflow/tensorflow#32864
    - https://keras.io/guides/writing_a_custom_training_loop_in_tensorflow/
    """

    name, code, category, severity = "missing-training-flag", "TL803", "training", "warning"
    rank = 48
    evidence = ("certificate",)
    message = "this call in the training step lacks `training=True`: {what}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "critic = tf.keras.Sequential([\n"
            "    tf.keras.layers.Dense(8, activation='tanh', input_shape=(4,)),\n"
            "    tf.keras.layers.BatchNormalization(),\n"
            "    tf.keras.layers.Dense(1),\n"
            "])\n"
            "optimizer = tf.keras.optimizers.Adam(1e-3)\n"
            "def penalty(x):\n"
            "    with tf.GradientTape() as tape:\n"
            "        tape.watch(x)\n"
            "        score = critic(x, training=True)\n"
            "    return tf.reduce_mean((tf.norm(tape.gradient(score, x), axis=1) - 1) ** 2)\n"
            "for step in range(10):\n"
            "    real = tf.random.normal((32, 4))\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(critic(real)) + penalty(real)\n"
            "    gradients = tape.gradient(loss, critic.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, critic.trainable_variables))\n",
            why="the penalty updates the moving averages in the same step",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Block(tf.keras.layers.Layer):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.normal = tf.keras.layers.BatchNormalization()\n"
            "    def call(self, x, training=False):\n"
            "        return tf.nn.relu(self.normal(x, training=training) + x)\n"
            "class Net(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.blocks = tf.keras.Sequential([Block(), Block()])\n"
            "        self.scores = tf.keras.layers.Dense(3)\n"
            "    def call(self, x, training=False):\n"
            "        return self.scores(self.blocks(x, training=training))\n"
            "net, optimizer = Net(), tf.keras.optimizers.Adam()\n"
            "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = loss_of(y, net(x, training=True))\n"
            "    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))\n",
            why="a Sequential hands the flag on to blocks of the user",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                             tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                             tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x, True) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="the second argument of a model is the flag",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="no layer of the model minds",
        ),
        Valid(
            "import tensorflow as tf\n"
            "teacher = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                               tf.keras.layers.Dense(1)])\n"
            "teacher.load_weights('teacher.weights.h5')\n"
            "student = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(4, 'relu'), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, _ in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(student(x, training=True) - teacher(x)))\n"
            "    gradients = tape.gradient(loss, student.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, student.trainable_variables))\n",
            why="the teacher is not trained",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                             tf.keras.layers.Dense(1)])\n"
            "def saliency(x):\n"
            "    with tf.GradientTape() as tape:\n"
            "        tape.watch(x)\n"
            "        score = tf.reduce_sum(model(x))\n"
            "    return tape.gradient(score, x)\n"
            "print(saliency(tf.ones([1, 4])))\n",
            why="the gradient is looked at, nothing is trained",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Net(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, 'relu')\n"
            "        self.drop = tf.keras.layers.Dropout(0.5)\n"
            "        self.out = tf.keras.layers.Dense(1)\n"
            "    def call(self, x):\n"
            "        return self.out(self.drop(self.hidden(x)))\n"
            "net = Net()\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(net(x, training=True) - y))\n"
            "    gradients = tape.gradient(loss, net.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, net.trainable_variables))\n"
            "step(tf.ones([8, 4]), tf.ones([8, 1]))\n",
            why="Keras hands the flag on to the layers",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "generator = tf.keras.Sequential([layers.Dense(16), layers.BatchNormalization(), layers.Dense(4, 'tanh')])\n"
            "discriminator = tf.keras.Sequential([layers.Dense(16, 'relu'), layers.Dropout(0.3), layers.Dense(1)])\n"
            "entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)\n"
            "optimizers = tf.keras.optimizers.Adam(1e-4), tf.keras.optimizers.Adam(1e-4)\n"
            "@tf.function\n"
            "def step(real):\n"
            "    noise = tf.random.normal([32, 8])\n"
            "    with tf.GradientTape() as making, tf.GradientTape() as judging:\n"
            "        faked = discriminator(generator(noise, training=True), training=True)\n"
            "        found = discriminator(real, training=True)\n"
            "        made = entropy(tf.ones_like(faked), faked)\n"
            "        judged = entropy(tf.ones_like(found), found) + entropy(tf.zeros_like(faked), faked)\n"
            "    for optimizer, tape, loss, model in zip(optimizers, (making, judging), (made, judged), (generator, discriminator)):\n"
            "        gradients = tape.gradient(loss, model.trainable_variables)\n"
            "        optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n"
            "for batch in dataset:\n"
            "    step(batch)\n",
            why="the weights of the models are made in the step, and both calls have the flag",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dropout(0.5), tf.keras.layers.Dense(1)])\n",
                "model.compile('adam', 'mse')\nmodel.fit(x, y)\nprint(model(x_test))\n",
            ),
            why="`fit` sets the flag",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                             tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            at="model(x)",
            severity="warning",
            message="drops nothing",
            traces=("this layer",),
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(16, 'relu'), tf.keras.layers.Dropout(0.5),\n"
            "                             tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "class Config:\n"
            "    widths = [32, 32]\n"
            "def build(config):\n"
            "    inputs = h = layers.Input((8,))\n"
            "    for width in config.widths:\n"
            "        h = layers.BatchNormalization()(layers.Dense(width, 'relu')(h))\n"
            "    return tf.keras.Model(inputs, layers.Dense(1)(h))\n"
            "network = build(Config)\n"
            "optimizer = tf.keras.optimizers.SGD(0.01)\n"
            "@tf.function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        prediction = network(x)\n"
            "        loss = tf.reduce_mean(tf.square(prediction - y))\n"
            "    gradients = tape.gradient(loss, network.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, network.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
            at="network(x)",
            severity="error",
            message="moving averages",
            fixed="import tensorflow as tf\n"
            "from tensorflow.keras import layers\n"
            "class Config:\n"
            "    widths = [32, 32]\n"
            "def build(config):\n"
            "    inputs = h = layers.Input((8,))\n"
            "    for width in config.widths:\n"
            "        h = layers.BatchNormalization()(layers.Dense(width, 'relu')(h))\n"
            "    return tf.keras.Model(inputs, layers.Dense(1)(h))\n"
            "network = build(Config)\n"
            "optimizer = tf.keras.optimizers.SGD(0.01)\n"
            "@tf.function\n"
            "def step(x, y):\n"
            "    with tf.GradientTape() as tape:\n"
            "        prediction = network(x, training=True)\n"
            "        loss = tf.reduce_mean(tf.square(prediction - y))\n"
            "    gradients = tape.gradient(loss, network.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, network.trainable_variables))\n"
            "for x, y in dataset:\n"
            "    step(x, y)\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "class Net(tf.keras.Model):\n"
                "    def __init__(self):\n"
                "        super().__init__()\n"
                "        self.hidden = tf.keras.layers.Dense(16, 'relu')\n"
                "        self.drop = tf.keras.layers.Dropout(0.5)\n"
                "        self.out = tf.keras.layers.Dense(1)\n"
                "    def call(self, x, training=False):\n"
                "        return self.out(self.drop(self.hidden(x), training=training))\n"
                "net = Net()\n"
                "optimizer = tf.keras.optimizers.Adam()\n",
                "def loss(x, y):\n"
                "    return tf.reduce_mean(tf.square(net(x) - y))\n"
                "for x, y in dataset:\n"
                "    with tf.GradientTape() as tape:\n"
                "        value = loss(x, y)\n"
                "    gradients = tape.gradient(value, net.trainable_variables)\n"
                "    optimizer.apply_gradients(zip(gradients, net.trainable_variables))\n",
            ),
            at="net(x)",
            cell=1,
            severity="warning",
            fixed="import tensorflow as tf\n"
            "class Net(tf.keras.Model):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.hidden = tf.keras.layers.Dense(16, 'relu')\n"
            "        self.drop = tf.keras.layers.Dropout(0.5)\n"
            "        self.out = tf.keras.layers.Dense(1)\n"
            "    def call(self, x, training=False):\n"
            "        return self.out(self.drop(self.hidden(x), training=training))\n"
            "net = Net()\n"
            "optimizer = tf.keras.optimizers.Adam()\n\n"
            "def loss(x, y):\n"
            "    return tf.reduce_mean(tf.square(net(x, training=True) - y))\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        value = loss(x, y)\n"
            "    gradients = tape.gradient(value, net.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, net.trainable_variables))\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        steps = [event for event in program.minimized if event.how == "gradients"]
        if not steps or all(operation.context.tape is None for operation in program.operations):
            return
        trained = {key for event in steps for key in program.ancestors(event.loss)}
        found: dict[Place, Operation] = {}
        for operation in program.operations:
            if operation.context.tape is None or operation.id not in trained:
                continue
            if operation.name == "model" and operation.kind == "identity":
                culprit = _of_functional(program, operation)
                place: Place | None = operation.place
            else:
                culprit = operation if _minds(operation) and _is_missing(operation.attributes.get("training")) else None
                place = _call_of(operation) if culprit is not None else None
            if culprit is None or place is None:
                continue
            if place not in found or culprit.name == _BATCH:
                found[place] = culprit
        reached = [place for place, culprit in found.items() if _is_trained(program, culprit, len(found) == 1)]
        for place in reached:
            if found[place].name == _BATCH and _is_updated(program, found[place]):
                continue
            yield self._report(place, found[place])

    def _report(self, place: Place, culprit: Operation) -> Report:
        is_batch = culprit.name == _BATCH
        what = (
            "batch normalization divides by moving averages that this step does not update"
            if is_batch
            else "dropout drops nothing"
        )
        trace = [Step(culprit.place, "this layer works differently in training")] if culprit.place != place else []
        return self.report(
            place,
            severity="error" if is_batch else None,
            what=what,
            trace=trace,
            remedies=[Remedy("Pass `training=True`", "unsafe", (SetArgument(place, "training", ("True",)),))],
            subject=culprit.id,
        )


def _is_updated(program: Program, layer: Operation) -> bool:
    """Whether another call of the same network with `training=True` updates its moving averages."""
    for operation in program.of_kind("normalization", "identity"):
        if operation.attributes.get("training") != TRUE or operation.context.tape is None:
            continue
        if operation.layer == layer.layer and operation.kind == "normalization":
            return True
        if operation.name == "model" and layer.id in program.ancestors(operation.inputs[0]):
            return True
    return False


def _minds(operation: Operation) -> bool:
    """Whether a layer works differently in training."""
    if operation.symbol is None or not operation.symbol.name.startswith("keras.layers."):
        return False
    return operation.kind == "dropout" or (operation.kind == "normalization" and operation.name == _BATCH)


def _is_missing(training: Value | None) -> bool:
    """Whether nobody says that this is training: neither the call nor the method around it."""
    if training is None or is_none(training):
        return True
    return isinstance(training, Unknown) and training.origin == ("name", "training")


def _of_functional(program: Program, call: Operation) -> Operation | None:
    """A layer of a functional model that minds the flag, when the call of the model does not give it."""
    training = call.attributes.get("training")
    if training is None or not is_none(training):
        return None
    layers = [o for key in program.ancestors(call.inputs[0]) if (o := program.operation(key)) is not None]
    minding = [o for o in layers if _minds(o) and _is_missing(o.attributes.get("training")) and o.context.tape is None]
    minding.sort(key=lambda o: o.name != _BATCH)
    return minding[0] if minding else None


def _call_of(operation: Operation) -> Place | None:
    """The call of the model that an operation is part of; None when the flag may have come with it unseen."""
    # A `call` without the parameter is given the flag by Keras itself.
    if call_frame(operation) is not None and not isinstance(operation.attributes.get("training"), Unknown):
        return None
    return call_of(operation)


def _is_trained(program: Program, culprit: Operation, is_only: bool) -> bool:
    """Whether the gradient is taken for weights of the model, as far as that is known."""
    sources: set[Id] = set()
    for gradient in program.of_kind("gradient"):
        argument = gradient.arguments.get("sources")
        items = program.items(argument.value) if argument is not None else ()
        keys = [item.op for item in items if isinstance(item, Tensor)]
        if not keys or None in keys:
            return is_only
        sources.update(key for key in keys if key is not None)
    around = {o.id for o in program.variables(culprit.output)}
    for user in program.descendants(culprit.output):
        around.update(o.id for o in program.producers(user) if o.kind == "variable")
    return bool(around & sources)
