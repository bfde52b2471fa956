"""endless-data: data that start over for ever, and no number of steps that ends an epoch or an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import Evaluation, SurplusArgument
from trainlint.program.pipelines import endless, never_ends
from trainlint.program.values import ApiObject, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import ModelCall
    from trainlint.program.program import Program
    from trainlint.program.values import Argument
    from trainlint.source.code import Place

_CALLS = {
    "fit": (("x", "steps_per_epoch", "an epoch"), ("validation_data", "validation_steps", "the validation")),
    "evaluate": (("x", "steps", "the evaluation"),),
    "predict": (("x", "steps", "the prediction"),),
}
"""By method: the argument that holds data, the one that ends them, and what it ends."""


class EndlessData(Rule):
    """
    ## What it does
    Reports a dataset that repeats for ever and goes into `fit`, `evaluate` or `predict` without a number of steps.
    It also reports the evaluation of an estimator without a number of steps whose input function never runs out: it returns constants, or data that start over for ever.

    ## Why it is bad
    Keras 3 never comes to the end of the first epoch: nothing is validated, no callback is called and no model is saved.
    Keras 2 stops with a `ValueError`.
    An estimator evaluates until the input function raises an end-of-input error, so it hangs.

    ## Example
    ```python
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32).repeat()
    model.fit(data, epochs=10)
    ```

    ## Use instead
    ```python
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1000).batch(32)
    model.fit(data, epochs=10)
    ```

    ## Fix safety
    None: whether the repetition goes or a number of steps comes is for the author to decide.

    ## Probe
    Asks a small dataset with the same step for its cardinality.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/data/Dataset#repeat
    - https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/estimator/Estimator#evaluate
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018
    """

    name, code, category, severity = "endless-data", "TL809", "training", "error"
    rank = 48
    evidence = ("certificate",)
    message = "these data never end, and nothing says how many steps {what} has: {outcome}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "data = tf.data.Dataset.from_tensor_slices((tf.zeros([100, 4]), tf.zeros([100, 1]))).batch(10)\n"
            "model.fit(data.repeat(), epochs=3, steps_per_epoch=10)\n"
            "model.fit(data.repeat(2), epochs=3)\n"
            "model.fit(data.repeat().take(30), validation_data=data)\n"
            "model.evaluate(data)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def pipeline(x, y, epochs):\n"
            "    return tf.data.Dataset.from_tensor_slices((x, y)).batch(10).repeat(epochs)\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(pipeline(tf.zeros([100, 4]), tf.zeros([100, 1]), settings.epochs))\n",
            why="how often is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from callbacks import StopWhenTheTimeIsUp\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "data = tf.data.Dataset.from_tensor_slices((tf.zeros([100, 4]), tf.zeros([100, 1]))).batch(10).repeat()\n"
            "model.fit(data, callbacks=[StopWhenTheTimeIsUp()])\n",
            why="a callback of the user may stop within an epoch",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def network(features, labels, mode):\n"
            "    loss = tf.losses.mean_squared_error(labels, tf.layers.dense(features, 1))\n"
            "    train = tf.train.AdamOptimizer().minimize(loss, tf.train.get_global_step())\n"
            "    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)\n"
            "def constants():\n"
            "    return tf.constant([[1.0], [2.0]]), tf.constant([[2.0], [4.0]])\n"
            "def rows(path='rows.csv'):\n"
            "    return tf.data.TextLineDataset(path).map(parse).batch(32)\n"
            "estimator = tf.estimator.Estimator(network)\n"
            "estimator.train(constants, steps=100)\n"
            "estimator.evaluate(constants, steps=1)\n"
            "estimator.evaluate(rows)\n",
            why="training for ever is what an estimator does without a number of steps",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "data = tf.data.experimental.make_csv_dataset('rows.csv', 32, label_name='y', num_epochs=1)\n",
                "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(data)\n",
            ),
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorflow import keras\n"
            "\n"
            "def train(options):\n"
            "    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n"
            '    model.compile("adam", "mse")\n'
            '    rows = tf.data.experimental.make_csv_dataset(options["train"], 32)\n'
            '    held_out = tf.data.experimental.make_csv_dataset(options["eval"], 1000)\n'
            '    if options["steps"]:\n'
            '        held_out = held_out.take(count=options["steps"])\n'
            "    model.fit(rows, validation_data=held_out, steps_per_epoch=10)\n",
            why="an option decides how many there are",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "data = tf.data.Dataset.from_tensor_slices((tf.zeros([100, 4]), tf.zeros([100, 1]))).batch(10).repeat()\n"
            "model.fit(data, epochs=3)\n",
            at="data",
            occurrence=2,
            severity="error",
            message="how many steps an epoch has",
            traces=("it starts over for ever here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def pipeline(x, y):\n"
            "    return tf.data.Dataset.from_tensor_slices((x, y)).repeat().shuffle(100).batch(10).prefetch(1)\n"
            "x, y = tf.zeros([100, 4]), tf.zeros([100, 1])\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(pipeline(x, y), steps_per_epoch=10, validation_data=pipeline(x, y), epochs=3)\n",
            at="pipeline(x, y)",
            occurrence=2,
            message="the validation",
        ),
        Invalid(
            "import keras\n"
            "import tensorflow as tf\n"
            "class Config:\n"
            "    repeats = None\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "data = tf.data.Dataset.from_tensor_slices((tf.zeros([100, 4]), tf.zeros([100, 1]))).batch(10)\n"
            "for fold in range(3):\n"
            "    model.fit(data)\n"
            "    print(model.evaluate(data.repeat(Config.repeats)))\n",
            at="data.repeat(Config.repeats)",
            message="the evaluation",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def train_fn():\n"
            "    return {'x': tf.constant([1, 2, 3])}, tf.constant([2, 4, 6])\n"
            "estimator = tf.contrib.learn.LinearRegressor(\n"
            "    feature_columns=[tf.contrib.layers.real_valued_column('x', dimension=1)]\n"
            ")\n"
            "estimator.fit(input_fn=train_fn, steps=1000)\n"
            "print(estimator.evaluate(input_fn=train_fn))\n",
            at="train_fn",
            occurrence=2,
            message="it hangs",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "data = tf.data.experimental.make_csv_dataset('rows.csv', 32, label_name='y')\n",
                "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(data)\n",
            ),
            at="data",
            cell=1,
            occurrence=3,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        for call in program.model_calls:
            yield from self._call(program, call)
        for event in program.events_of(Evaluation):
            is_open = event.steps is None or is_none(event.steps.value)
            if is_open and not event.context.guarded and never_ends(program, event.inputs):
                yield self.report(event.given or event.place, what="the evaluation", outcome="it hangs")

    def _call(self, program: Program, call: ModelCall) -> Iterator[Report]:
        arguments = call.arguments
        if "**" in arguments or call.context.guarded or not _all_known(program, arguments.get("callbacks")):
            return
        if any(did_you_mean(each.name, _STEPS) for each in program.events_of(SurplusArgument)):
            return  # the number of steps is there, under a misspelled name
        for name, limit, what in _CALLS.get(call.method, ()):
            data, steps = arguments.get(name), arguments.get(limit)
            if data is None or (steps is not None and not is_none(steps.value)):
                continue
            cause = endless(program, data.value)
            if cause is None:
                continue
            outcome = "it never ends" if program.generation == "2.16" else "Keras stops with an error"
            yield self.report(
                data.place or call.place, what=what, outcome=outcome, trace=_steps(cause, data.place, call.place)
            )


_STEPS = ("steps_per_epoch", "validation_steps", "steps")


def _steps(cause: ApiObject, *around: Place | None) -> list[Step]:
    return [] if cause.place in around else [Step(cause.place, "it starts over for ever here")]


def _all_known(program: Program, callbacks: Argument | None) -> bool:
    """Whether all callbacks are those of Keras, none of which stops within an epoch."""
    if callbacks is None or is_none(callbacks.value):
        return True
    records = [program.object(item) for item in program.items(callbacks.value)]
    return all(record is not None and record.name.startswith("keras.callbacks.") for record in records)
