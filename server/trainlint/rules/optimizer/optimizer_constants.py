"""optimizer-constants: decay rates of 1, and an epsilon that stops or breaks the optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.actions import Remedy, RemoveArgument, SetArgument
from trainlint.program.heads import PLAIN, learning_rate, optimizer_name
from trainlint.program.values import Tensor
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Argument, Id, Value

_ADAMS = ("Adam", "AdamW", "Nadam", "Adamax")
_RMS = ("RMSprop", "RMSProp")

_DECAYS = {
    "beta_1": "the average of the gradients", "beta1": "the average of the gradients",
    "beta_2": "the average of their squares", "beta2": "the average of their squares",
}  # fmt: skip

PLAIN_RATE = 1e-3
"""As plain gradient descent a network of usual size hardly moves with this rate; the default of Keras is 0.01."""

TINY = 1e-12
"""Published values end at 1e-8 (the paper) and 1e-10; smaller ones give weights with next to no gradient full steps."""

ZERO_HALF = 2.0**-25
"""What is at most this becomes 0 in float16: half of its smallest number."""

SHORT = 0.5
"""Below it the newest gradient alone decides; published values are 0.9 to 0.999."""

SMALL_STEP = 1e-6
"""Rate times clipping norm: no step is longer, so a thousand of them move all weights together by 0.001."""


class OptimizerConstants(Rule):
    """
    ## What it does
    Reports constants of an optimizer that no published method uses: a momentum or a beta of 1 or more, a wrong `epsilon` of Adam, a `rho` below 0.5, clipping that leaves nothing.
    An `epsilon` is reported that is 0 or that dwarfs the gradients; one between 0 and 1e-12 is an information.

    ## Why it is bad
    An average that decays by a factor of 1 never forgets: a momentum of 1 keeps every step for ever, and the weights swing or fly away.

    Adam divides by the size of the gradient plus `epsilon`.
    With 0 a weight without gradient, such as one behind a dead unit, becomes 0/0 = NaN; in float16 everything below 3e-8 is 0, also the default of TensorFlow 1.
    With an `epsilon` of 1 the division does nothing, and Adam is gradient descent with a rate of `learning_rate / epsilon`.

    The second argument of `tf.train.RMSPropOptimizer` is the decay of an average, 0.9 by default, and not the decay of a rate or of weights.

    ## Example
    ```python
    step = tf.train.MomentumOptimizer(0.01, momentum=1.0).minimize(loss)
    ```

    ## Use instead
    ```python
    step = tf.train.MomentumOptimizer(0.01, momentum=0.9).minimize(loss)
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Compares the loss over a few hundred steps with that of the default constants, and looks for NaN.

    ## References
    - Kingma and Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980
    - Ben Braiek and Khomh, "TheDeepChecker", arXiv:2204.00694: an epsilon that does not suit
    - https://www.tensorflow.org/api_docs/python/tf/keras/optimizers/Adam: an epsilon of 1.0 or 0.1 goes with a far larger rate
    """

    name, code, category, severity = "optimizer-constants", "TL505", "optimizer", "warning"
    rank = 20
    evidence = ("training",)
    message = "{optimizer} has {argument}={value:g}: {why}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5, beta_2=0.9, epsilon=1e-8, clipnorm=1.0), 'mse')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.RMSPropOptimizer(0.045, decay=0.9, momentum=0.9, epsilon=1.0).minimize(loss)\n",
            why="the published settings of Inception",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.Adam(0.1, epsilon=1.0), 'mse')\n",
            why="the rate is as much larger",
        ),
        Valid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--momentum', type=float, required=True)\n"
            "args = parser.parse_args()\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.SGD(0.01, momentum=args.momentum), 'mse')\n",
            why="the value is not known",
        ),
        Valid(
            "",
            cells=(
                "from keras import optimizers\n",
                "adam = optimizers.Adam(0.001, epsilon=None, clipnorm=None)\n",
                "sgd = optimizers.SGD(0.01, momentum=0.0, clipvalue=0.5)\n",
            ),
            why="None stands for the default",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.MomentumOptimizer(0.01, momentum=1.0).minimize(loss)\n",
            at="1.0",
            severity="error",
            message="never forgets",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.MomentumOptimizer(0.01, momentum=0.9).minimize(loss)\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(epsilon=1.0), 'mse')\n",
            at="1.0",
            severity="warning",
            message="a rate of 0.001",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(), 'mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "CONFIG = {'rate': 0.001, 'epsilon': 0}\n"
            "def make_optimizer(config):\n"
            "    return tf.train.AdamOptimizer(config['rate'], epsilon=config['epsilon'])\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = make_optimizer(CONFIG).minimize(loss)\n",
            at="config['epsilon']",
            severity="error",
            message="NaN",
            fixed="import tensorflow as tf\n"
            "CONFIG = {'rate': 0.001, 'epsilon': 0}\n"
            "def make_optimizer(config):\n"
            "    return tf.train.AdamOptimizer(config['rate'])\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = make_optimizer(CONFIG).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float16, [None, 8])\n"
            "w = tf.Variable(tf.zeros([8, 1], tf.float16))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdamOptimizer(1e-3).minimize(loss)\n",
            at="tf.train.AdamOptimizer(1e-3)",
            severity="error",
            message="float16",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float16, [None, 8])\n"
            "w = tf.Variable(tf.zeros([8, 1], tf.float16))\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdamOptimizer(1e-3, epsilon=1e-4).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.RMSPropOptimizer(0.001, 1e-6).minimize(loss)\n",
            at="1e-6",
            severity="warning",
            message="the newest gradient",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.RMSPropOptimizer(0.001, 0.9).minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "for limit in [1e-5]:\n"
            "    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "    model.compile(tf.keras.optimizers.SGD(0.01, clipnorm=limit), 'mse')\n",
            at="limit",
            occurrence=1,
            severity="warning",
            message="1e-07",
            fixed="import tensorflow as tf\n"
            "for limit in [1e-5]:\n"
            "    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "    model.compile(tf.keras.optimizers.SGD(0.01, clipnorm=1.0), 'mse')\n",
        ),
        Invalid(
            "",
            cells=(
                "from keras import optimizers\n",
                "adam = optimizers.Adam(0.001, beta_1=0.9, beta_2=1.0, epsilon=1e-16)\n",
            ),
            at="1.0",
            cell=1,
            count=2,
            severity="error",
            fixed="from keras import optimizers\n\nadam = optimizers.Adam(0.001, beta_1=0.9, beta_2=0.999)\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        half = None
        for key, optimizer in program.objects:
            if optimizer.kind != "optimizer":
                continue
            if half is None:
                half = _half(program)
            name = optimizer_name(optimizer)
            yield from self._decays(key, optimizer, name)
            yield from self._epsilon(key, optimizer, name, key in half)
            yield from self._clipping(key, optimizer, name)

    def _decays(self, key: Id, optimizer: ApiObject, name: str) -> Iterator[Report]:
        for argument, value in _given(optimizer, "momentum", *_DECAYS, "rho", "decay"):
            is_average = argument == "rho" or (argument == "decay" and _is_average(optimizer))
            if argument == "decay" and not is_average:
                continue
            if value >= 1:
                what = "every step is kept for ever" if argument == "momentum" else "it never becomes larger than 0"
                if argument == "momentum":
                    why = "it never forgets a step, so the weights swing ever wider"
                else:
                    why = f"{_DECAYS.get(argument, 'the average of the squares')} never forgets, and {what}"
                usual = _usual(argument, optimizer)
                yield self._report(key, optimizer, name, argument, value, why, "error", usual)
            elif is_average and value < SHORT and (name in _RMS or name == "Adadelta"):
                why = "it is the decay of an average, and below 0.5 the newest gradient alone counts"
                yield self._report(key, optimizer, name, argument, value, why, None, _usual(argument, optimizer))

    def _epsilon(self, key: Id, optimizer: ApiObject, name: str, is_half: bool) -> Iterator[Report]:
        if name not in _ADAMS:
            return
        argument = optimizer.arguments.get("epsilon")
        value = constant(argument.value) if argument is not None else None
        if argument is None or value is None or value < 0:
            return
        if value == 0:
            why = "a weight without gradient is divided 0/0 and becomes NaN"
            yield self._report(key, optimizer, name, "epsilon", value, why, "error", None)
        elif is_half and value <= ZERO_HALF:
            why = "that is 0 in float16, and a weight without gradient is divided 0/0 and becomes NaN"
            yield self._report(key, optimizer, name, "epsilon", value, why, "error", "1e-4")
        elif not argument.given:
            return
        elif value < TINY:
            why = "weights with next to no gradient get steps as large as all others"
            yield self._report(key, optimizer, name, "epsilon", value, why, "info", None)
        elif value >= 0.01:
            rate = learning_rate(optimizer)
            size = constant(rate.value) if rate is not None else None
            if size is not None and 0 < size / value <= PLAIN_RATE:
                why = f"it dwarfs the gradients, and this is plain gradient descent with a rate of {size / value:g}"
                yield self._report(key, optimizer, name, "epsilon", value, why, None, None)

    def _clipping(self, key: Id, optimizer: ApiObject, name: str) -> Iterator[Report]:
        if name not in PLAIN:
            return
        rate = learning_rate(optimizer)
        size = constant(rate.value) if rate is not None else None
        for argument, value in _given(optimizer, "clipnorm", "clipvalue", "global_clipnorm"):
            if size is not None and 0 < value * size <= SMALL_STEP:
                why = f"no step is longer than {value * size:g}, so the weights stay where they are"
                yield self._report(key, optimizer, name, argument, value, why, None, "1.0")

    def _report(
        self,
        key: Id,
        optimizer: ApiObject,
        name: str,
        argument: str,
        value: float,
        why: str,
        severity: str | None,
        usual: str | None,
    ) -> Report:
        given = optimizer.arguments[argument]
        place = given.place if given.place is not None else optimizer.place
        remedies: list[Remedy] = []
        if usual is not None:
            action = SetArgument(optimizer.place, argument, (usual,), existing=given.place)
            remedies = [Remedy(f"Set `{argument}` to {usual}", "unsafe", (action,))]
        elif given.place is not None:
            action_ = RemoveArgument(optimizer.place, given.place)
            remedies = [Remedy("Leave it at the default", "unsafe", (action_,))]
        return self.report(
            place, severity=severity, optimizer=name, argument=argument, value=value, why=why, remedies=remedies,
            assumed=given.value.assumed, subject=key,
        )  # fmt: skip


def _given(optimizer: ApiObject, *names: str) -> Iterator[tuple[str, float]]:
    for name in names:
        argument: Argument | None = optimizer.arguments.get(name)
        value = constant(argument.value) if argument is not None and argument.given else None
        if value is not None:
            yield name, value


def _is_average(optimizer: ApiObject) -> bool:
    """Whether `decay` is that of an average, as in TensorFlow 1, and not that of the rate."""
    return "RMSPropOptimizer" in optimizer.name


def _usual(argument: str, optimizer: ApiObject) -> str:
    if argument in ("beta_2", "beta2"):
        return "0.999"
    return "0.95" if argument == "rho" and optimizer_name(optimizer) == "Adadelta" else "0.9"


def _half(program: Program) -> frozenset[Id]:
    """The optimizers that train variables of float16 and no others."""
    found: set[Id] = set()
    for event in program.minimized:
        key = getattr(event.optimizer, "id", None)
        weights = program.variables(event.loss) if isinstance(event.loss, Tensor) else ()
        trained = [w for w in weights if w.attributes.get("trainable") is not False]
        if key is None or not trained:
            continue
        if all(w.output.dtype == "float16" for w in trained) or _starts_half(program, event.loss, trained):
            found.add(key)
    return frozenset(found)


def _starts_half(program: Program, loss: Value, weights: list[Operation]) -> bool:
    """Whether layers of TensorFlow 1 get float16, which they make their weights of, and nothing is converted."""
    if not all(weight.name.startswith(("tf.layers.", "tf.contrib.")) for weight in weights):
        return False
    if any((o := program.operation(key)) is None or o.kind == "cast" for key in program.ancestors(loss)):
        return False
    inputs = [user.inputs[0] for weight in weights for user in program.consumers(weight.output) if user.inputs]
    return any(isinstance(value, Tensor) and value.dtype == "float16" for value in inputs)
