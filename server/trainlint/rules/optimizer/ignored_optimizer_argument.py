"""ignored-optimizer-argument: `lr` and `decay` of optimizers that do not know them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.actions import Action, ApiName, Remedy, RemoveArgument, RenameArgument, SetArgument, Source, Wrap
from trainlint.program.eras import is_before_2_11, is_for_keras_1
from trainlint.program.training import is_scheduled
from trainlint.program.values import Ref
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Argument, Id


HARDLY = 1e-6
"""A smaller `decay` lowers the rate by less than a hundredth in ten thousand steps."""


class IgnoredOptimizerArgument(Rule):
    """
    ## What it does
    Reports `lr=` and `decay=` of Keras optimizers since TensorFlow 2.11.
    Old versions, `keras.optimizers.legacy` and the optimizers of `tf.train` take them, so they are not reported there.
    Where nothing tells which version the program is for, it is a warning.

    ## Why it is bad
    TensorFlow 2.11 to 2.15 and tf_keras take `lr` with no more than a line in the log, and train with the default rate: `Adam(lr=0.1).learning_rate` is 0.001.
    Keras 3 stops at `lr`, and ignores `decay` with a warning, so that the rate stays constant.

    ## Example
    ```python
    optimizer = keras.optimizers.Adam(lr=1e-4)
    ```

    ## Use instead
    ```python
    optimizer = keras.optimizers.Adam(learning_rate=1e-4)
    ```

    ## Fix safety
    Safe for `lr`, which is the old name of `learning_rate`, and for a `decay` of 0.
    Unsafe for any other `decay`: a schedule in its place makes training what it was before, not what it is now.

    ## Probe
    Makes the optimizer and reads its learning rate.

    ## References
    - tensorflow/tensorflow#58831, keras-team/keras#17338
    """

    name, code, category, severity = "ignored-optimizer-argument", "TL503", "optimizer", "error"
    rank = 80
    evidence = ("certificate",)
    message = "`{argument}` is no argument of `{optimizer}` any more: {consequence}"

    VALID = [
        Valid(
            '"""Classifies digits (TensorFlow 2.3)."""\n'
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(lr=1e-4), 'mse')\n",
            why="the program says what it was written for",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation='softmax', input_shape=(4,))])\n"
            "model.compile(tf.keras.optimizers.SGD(lr=0.1), 'sparse_categorical_crossentropy')\n"
            "model.fit(x, y)\n"
            "print(model.predict_classes(x))\n",
            why="`predict_classes` was gone before the optimizers changed",
        ),
        Valid(
            "from keras.layers import Dense, Input\n"
            "from keras.layers.merge import Concatenate\n"
            "from keras.models import Model\n"
            "from keras.optimizers import Adam\n"
            "left, right = Input((8,)), Input((8,))\n"
            "model = Model([left, right], Dense(1)(Concatenate()([left, right])))\n"
            "model.compile(Adam(lr=0.0002), 'mse')\n",
            why="another module that was gone before the argument",
        ),
        Valid(
            "import keras.backend as K\n"
            "from keras.layers import Dense, Input\n"
            "from keras.models import Model\n"
            "from keras.optimizers import RMSprop\n"
            "states = Input((4,))\n"
            "critic = Model(states, Dense(1)(Dense(32, activation='relu')(states)))\n"
            "targets = K.placeholder(shape=(None,))\n"
            "loss = K.mean(K.square(targets - critic.output))\n"
            "updates = RMSprop(lr=1e-4).get_updates(critic.trainable_weights, [], loss)\n"
            "train = K.function([critic.input, targets], [], updates=updates)\n",
            why="optimizers have this method while the argument has this name",
        ),
        Valid(
            "from keras.layers import Dense, Input\n"
            "from keras.layers.advanced_activations import LeakyReLU\n"
            "from keras.models import Model\n"
            "from keras.optimizers import Adam\n"
            "inputs = Input((8,))\n"
            "model = Model(inputs, Dense(1)(LeakyReLU(alpha=0.2)(Dense(16)(inputs))))\n"
            "model.compile(Adam(lr=0.0002, beta_1=0.5), 'mse')\n",
            why="Keras had this module while the argument had this name",
        ),
        Valid(
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "from keras.optimizers import SGD\n"
            "model = Sequential([Dense(output_dim=8, input_dim=4, activation='relu'), Dense(1)])\n"
            "model.compile(SGD(lr=0.1, decay=1e-6), 'mse')\n"
            "model.fit(x, y, nb_epoch=3)\n",
            why="nothing newer than Keras 2.3 takes `nb_epoch`",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(learning_rate=1e-4), 'mse')\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.legacy.Adam(lr=1e-4, decay=1e-6), 'mse')\n",
            why="the legacy optimizers take both",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from keras.optimizers import Adam\n"
            "session = tf.Session()\n"
            "optimizer = Adam(lr=1e-4, decay=1e-6)\n",
            why="Keras of the time of sessions has these names",
        ),
        Valid(
            "import torch\n"
            "from tensorflow import keras\n"
            "def make(parameters):\n"
            "    return torch.optim.Adam(parameters, lr=1e-4)\n",
            why="not an optimizer of Keras",
        ),
        Valid(
            "from tensorflow.keras.optimizers import Adam\ndef make(**options):\n    return Adam(**options)\n",
            why="what the options are is not known",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(lr=1e-4), 'mse')\n",
            at="1e-4",
            severity="warning",
            message="`lr`",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adam(learning_rate=1e-4), 'mse')\n",
        ),
        Invalid(
            "from keras.optimizers import SGD\n"
            "optimizer = SGD(learning_rate=0.01, decay=1e-6, momentum=0.9)\n",
            at="1e-6",
            severity="warning",
            message="stays constant",
            fixed="from keras.optimizers import SGD\n"
            "import keras\n"
            "optimizer = SGD(learning_rate=keras.optimizers.schedules.InverseTimeDecay(0.01, 1, 1e-6), momentum=0.9)\n",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--lr', type=float, default=1e-4)\n"
            "args = parser.parse_args()\n"
            "def make_optimizer(name):\n"
            "    kinds = {'adam': tf.keras.optimizers.Adam, 'sgd': tf.keras.optimizers.SGD}\n"
            "    return kinds[name](lr=args.lr)\n"
            "optimizer = make_optimizer('adam')\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(optimizer, 'mse')\n",
            at="args.lr",
            fixed="import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--lr', type=float, default=1e-4)\n"
            "args = parser.parse_args()\n"
            "def make_optimizer(name):\n"
            "    kinds = {'adam': tf.keras.optimizers.Adam, 'sgd': tf.keras.optimizers.SGD}\n"
            "    return kinds[name](learning_rate=args.lr)\n"
            "optimizer = make_optimizer('adam')\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(optimizer, 'mse')\n",
        ),
        Invalid(
            "import tf_keras\n"
            "for rate in [1e-3, 1e-4]:\n"
            "    optimizer = tf_keras.optimizers.RMSprop(lr=rate)\n"
            "    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "    model.compile(optimizer, 'mse')\n",
            at="rate",
            occurrence=1,
            message="drop",
            fixed="import tf_keras\n"
            "for rate in [1e-3, 1e-4]:\n"
            "    optimizer = tf_keras.optimizers.RMSprop(learning_rate=rate)\n"
            "    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "    model.compile(optimizer, 'mse')\n",
        ),
        Invalid(
            "import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "model.compile(tf_keras.optimizers.Adam(lr=0.001), 'mse')\n",
            at="0.001",
            severity="info",
            message="tf_keras drop it",
            why="The default is what is written.",
            fixed="import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "model.compile(tf_keras.optimizers.Adam(learning_rate=0.001), 'mse')\n",
        ),
        Invalid(
            "import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "optimizer = tf_keras.optimizers.Adam(lr=0.1)\n"
            "model.compile(optimizer, 'mse')\n"
            "for epoch in range(10):\n"
            "    tf_keras.backend.set_value(optimizer.lr, 0.1 * 0.5**epoch)\n"
            "    model.fit(x, y)\n",
            at="0.1",
            severity="info",
            message="tf_keras drop it",
            why="The rate is set before it is used.",
            fixed="import tf_keras\n"
            "model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(1)])\n"
            "optimizer = tf_keras.optimizers.Adam(learning_rate=0.1)\n"
            "model.compile(optimizer, 'mse')\n"
            "for epoch in range(10):\n"
            "    tf_keras.backend.set_value(optimizer.lr, 0.1 * 0.5**epoch)\n"
            "    model.fit(x, y)\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.SGD(0.01, decay=0), 'mse')\n",
            at="0",
            occurrence=2,
            severity="info",
            message="TensorFlow 2.11 to 2.15 refuse even 0",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.SGD(0.01), 'mse')\n",
        ),
        Invalid(
            "",
            cells=(
                "from keras import optimizers\n",
                "adam = optimizers.Adam(lr=0.001, decay=0.0)\n",
            ),
            at="0.001",
            cell=1,
            count=2,
            fixed="from keras import optimizers\n\n"
            "adam = optimizers.Adam(learning_rate=0.001)\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "def optimizer(rate):\n"
            "    return keras.optimizers.Adam(lr=rate)\n",
            at='rate',
            occurrence=1,
            message='TensorFlow 2.11 to 2.15 drop it',
            why='who trains with it may set the rate',
            fixed="from tensorflow import keras\n"
            "def optimizer(rate):\n"
            "    return keras.optimizers.Adam(learning_rate=rate)\n",
        ),
        Invalid(
            "import keras\n"
            "from keras import ops\n"
            "inputs = keras.Input((4,))\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(ops.square(inputs)))\n"
            "model.compile(keras.optimizers.Adam(lr=1e-4), 'mse')\n"
            "model.fit(x, y)\n",
            at="1e-4",
            severity="error",
            message="Keras 3 refuses it",
            why="`keras.ops` shows that no older Keras is meant",
            fixed="import keras\n"
            "from keras import ops\n"
            "inputs = keras.Input((4,))\n"
            "model = keras.Model(inputs, keras.layers.Dense(1)(ops.square(inputs)))\n"
            "model.compile(keras.optimizers.Adam(learning_rate=1e-4), 'mse')\n"
            "model.fit(x, y)\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for key, optimizer in program.objects:
            if optimizer.kind != "optimizer" or not _is_new(program, optimizer):
                continue
            for name in ("lr", "decay"):
                argument = optimizer.arguments.get(name)
                if argument is None or argument.place is None:
                    continue
                severity, consequence = _consequence(program, optimizer, name, argument, _trains(program, key))
                if severity == "error" and _may_be_taken(program, optimizer):
                    severity = "warning"
                yield self.report(
                    argument.place,
                    severity=severity,
                    argument=name,
                    optimizer=optimizer.name.rsplit(".", 1)[-1],
                    consequence=consequence,
                    remedies=_remedies(optimizer, name, argument),
                    subject=key,
                )


def _is_new(program: Program, optimizer: ApiObject) -> bool:
    """Whether this is an optimizer of TensorFlow 2.11 or later."""
    symbol = optimizer.symbol
    parts = symbol.path.split(".")
    if not symbol.name.startswith("keras.optimizers.") or "legacy" in parts or "v1" in parts or "python" in parts:
        return False
    if is_before_2_11(program) or (symbol.flavour == "keras" and is_for_keras_1(program)):
        return False
    return symbol.flavour == "tf_keras" or program.generation in ("2.11", "2.16")


def _may_be_taken(program: Program, optimizer: ApiObject) -> bool:
    """Whether nothing tells that the program is for a version whose optimizers do not take the argument."""
    return optimizer.symbol.flavour != "tf_keras" and not {"1.x", "2.0"}.isdisjoint(program.possible)


def _trains(program: Program, key: Id) -> bool:
    """Whether an optimizer trains something here, as far as is known: others may set its rate, or not use it at all."""
    used = [event.optimizer.id for event in program.minimized if isinstance(event.optimizer, Ref)]
    return key in used or not (used or program.escapes(key))


def _consequence(
    program: Program, optimizer: ApiObject, name: str, argument: Argument, trains: bool
) -> tuple[str, str]:
    """The severity of an argument that is not known any more, and what comes of it where the optimizer `trains`."""
    is_keras3 = program.generation == "2.16" and optimizer.symbol.flavour != "tf_keras"
    is_set_anew = is_scheduled(program) or not _RATES.isdisjoint(optimizer.fields.get("attributes", ()))
    if name == "decay":
        if not is_keras3:
            return "error", "TensorFlow 2.11 to 2.15 and tf_keras refuse it"
        if constant(argument.value) == 0:
            return "info", "TensorFlow 2.11 to 2.15 refuse even 0, which means nothing to Keras 3"
        share = constant(argument.value)
        if share is not None and share < HARDLY:
            return "info", f"Keras 3 ignores it, and {share:g} hardly lowers the rate"
        effect = "" if is_set_anew or not trains else ", so the rate stays constant"
        return "error", f"Keras 3 ignores it{effect}"
    default = optimizer.arguments.get("learning_rate")
    rate = constant(default.value) if default is not None and not default.given else None
    trained = " and train with " + ("another rate" if rate is None else f"the default rate of {rate:g}")
    is_harmless = is_set_anew or (rate is not None and rate == constant(argument.value))
    decay = optimizer.arguments.get("decay")
    is_refused = decay is not None and decay.given  # so nothing is trained with another rate
    if is_harmless or is_refused or not trains:
        trained = ""
    if is_keras3:
        return "error", f"Keras 3 refuses it, TensorFlow 2.11 to 2.15 drop it{trained}"
    return "info" if is_harmless else "error", f"TensorFlow 2.11 to 2.15 and tf_keras drop it{trained}"


_RATES = frozenset(("lr", "learning_rate"))
"""What a program asks an optimizer for to set its rate."""


def _remedies(optimizer: ApiObject, name: str, argument: Argument) -> list[Remedy]:
    assert argument.place is not None
    rate, old = optimizer.arguments.get("learning_rate"), optimizer.arguments.get("lr")
    if name == "lr":
        if rate is not None and rate.given:
            return []
        action = RenameArgument(optimizer.place, argument.place, "learning_rate")
        return [Remedy("Call it `learning_rate`", "safe", (action,))]
    removal = RemoveArgument(optimizer.place, argument.place)
    if constant(argument.value) == 0:
        return [Remedy("Leave out the `decay` of 0", "safe", (removal,))]
    title = "Put a schedule in its place"
    library = (
        "tensorflow.keras" if optimizer.symbol.path.startswith("tensorflow") else optimizer.symbol.path.split(".")[0]
    )
    schedule = ApiName(f"{library}.optimizers.schedules.InverseTimeDecay", optimizer.place)
    written = rate if rate is not None and rate.given else old
    if written is not None and written.place is not None:
        # One step of the schedule is one update, as it was with `decay`.
        wrap = Wrap(written.place, (schedule, "("), (", 1, ", Source(argument.place), ")"))
        actions: tuple[Action, ...] = (wrap, removal)
        if written is old:
            actions = (RenameArgument(optimizer.place, written.place, "learning_rate"), *actions)
        return [Remedy(title, "unsafe", actions)]
    default = constant(rate.value) if rate is not None else None
    if default is None:
        return []
    value = (schedule, f"({default:g}, 1, ", Source(argument.place), ")")
    return [Remedy(title, "unsafe", (SetArgument(optimizer.place, "learning_rate", value), removal))]
