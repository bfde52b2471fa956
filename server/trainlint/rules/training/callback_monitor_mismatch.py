"""callback-monitor-mismatch: a callback watches a number that is never logged, or in the wrong direction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, SetArgument
from trainlint.program.eras import is_for_keras_1
from trainlint.program.events import Compile, MetricAdded, ModelCall
from trainlint.program.metrics import HIGHER_IS_BETTER, items, metric_of
from trainlint.program.program import Program
from trainlint.program.training import holds_out
from trainlint.program.values import Api, ApiObject, Class, Const, DictRecord, Function, InstanceRecord, Ref, Tuple
from trainlint.rules.base import Invalid, Report, Rule, Valid

WATCHING = ("EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau")
PASSIVE = WATCHING + (
    "TensorBoard", "CSVLogger", "History", "ProgbarLogger", "TerminateOnNaN", "LearningRateScheduler", "BackupAndRestore",
)  # fmt: skip
"""Callbacks that add nothing to the logs but the learning rate."""

_HIGHER = re.compile(r"f1|f_?score|dice|iou|jaccard|recall|precision|sensitivity|specificity|kappa|(^|_)auc|accuracy")
_LOWER = re.compile(r"loss|error|distance|mse|mae")


class CallbackMonitorMismatch(Rule):
    """
    ## What it does
    Reports a callback whose `monitor` is a number that the model does not log, such as `val_acc` for the metric `accuracy`, or a validation loss without validation data.
    It also reports a `mode` that takes the worst value of a metric for the best one.

    ## Why it is bad
    A callback that does not find its number only warns: training is never stopped, the rate is never lowered, the best model is never saved.
    In the wrong direction training stops, and the model is saved, at the worst epoch.
    Before Keras 3 the mode "auto" takes every metric for an error unless its name contains `acc` (or ends in `auc`, for early stopping).

    ## Example
    ```python
    model.compile("adam", "mse", metrics=["accuracy"])
    model.fit(x, y, validation_split=0.1, callbacks=[keras.callbacks.EarlyStopping(monitor="val_acc")])
    ```

    ## Use instead
    ```python
    model.compile("adam", "mse", metrics=["accuracy"])
    model.fit(x, y, validation_split=0.1, callbacks=[keras.callbacks.EarlyStopping(monitor="val_accuracy")])
    ```

    ## Fix safety
    Safe: the callback does nothing, or the opposite of what its metric is for.
    There is no fix where validation data is missing.

    ## Probe
    Trains a small model with the same metrics for one epoch and lists what is logged.

    ## References
    - https://keras.io/api/callbacks/early_stopping/
    - tensorflow/tensorflow#33163, tensorflow/tensorflow#44509, keras-team/keras#18798, keras-team/tf-keras#253
    """

    name, code, category, severity = "callback-monitor-mismatch", "TL802", "training", "error"
    rank = 60
    evidence = ("certificate",)
    message = "`{callback}` watches `{monitor}`, which is never logged{reason}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=['accuracy', keras.metrics.AUC(name='area')])\n"
            "stop = keras.callbacks.EarlyStopping(monitor='val_area', mode='max', patience=3)\n"
            "best = keras.callbacks.ModelCheckpoint('best.keras', monitor='val_accuracy', save_best_only=True)\n"
            "model.fit(x, y, validation_split=0.1, callbacks=[stop, best])\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "class Area(keras.callbacks.Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n"
            "        logs['val_area'] = 0.5\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(x, y, callbacks=[Area(), keras.callbacks.EarlyStopping(monitor='val_area', mode='max')])\n",
            why="a callback of one's own may log anything",
        ),
        Valid(
            "from keras.callbacks import EarlyStopping\n"
            "from keras.layers import Dense, Input\n"
            "from keras.models import Model\n"
            "pixels = Input((64,))\n"
            "model = Model(input=pixels, output=Dense(10, activation='softmax')(pixels))\n"
            "model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])\n"
            "stop = EarlyStopping(monitor='val_acc', patience=5)\n"
            "model.fit(x, y, nb_epoch=10, validation_split=0.1, callbacks=[stop])\n",
            why="Keras 1, whose words these are, logs `val_acc`",
        ),
        Valid(
            "from keras.callbacks import EarlyStopping\n"
            "from keras.layers.core import Dense\n"
            "from keras.models import Sequential\n"
            "model = Sequential([Dense(10, activation='softmax', input_shape=(64,))])\n"
            "model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])\n"
            "model.fit(x, y, validation_split=0.1, callbacks=[EarlyStopping('val_acc')])\n",
            why="nothing newer than Keras 2.12 has this module, and it may be a 2.2 as well",
        ),
        Valid(
            "from tensorflow import keras\n"
            "def train(model, data, options):\n"
            "    model.fit(data, callbacks=[keras.callbacks.EarlyStopping(monitor='val_acc')], **options)\n",
            why="what the model logs cannot be known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "settings = dict(validation_split=0.1)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse', metrics=['mae'])\n"
            "model.fit(x, y, callbacks=[keras.callbacks.ReduceLROnPlateau(), keras.callbacks.ModelCheckpoint('last.keras')], **settings)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "sess = tf.Session()\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(8,), activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(x, y, validation_split=0.1, callbacks=[tf.keras.callbacks.EarlyStopping(monitor='val_acc')])\n",
            why="TensorFlow 1 shortens the name",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
            "stop = keras.callbacks.EarlyStopping(monitor='val_acc', patience=3)\n"
            "model.fit(x, y, validation_split=0.1, callbacks=[stop])\n",
            at="'val_acc'",
            severity="error",
            message="logged as `val_accuracy`",
            traces=("trained",),
            fixed=(
                "from tensorflow import keras\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
                "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
                "stop = keras.callbacks.EarlyStopping(monitor='val_accuracy', patience=3)\n"
                "model.fit(x, y, validation_split=0.1, callbacks=[stop])\n"
            ),
        ),
        Invalid(
            "from tensorflow import keras\n"
            "class Config:\n"
            "    monitor = 'val_accuracy'\n"
            "    mode = 'min'\n"
            "def callbacks(config):\n"
            "    found = []\n"
            "    for name in ('a', 'b'):\n"
            "        found.append(keras.callbacks.TensorBoard(name))\n"
            "    return found + [keras.callbacks.ModelCheckpoint('best.keras', config.monitor, save_best_only=True, mode=config.mode)]\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
            "model.fit(x, y, validation_data=(a, b), callbacks=callbacks(Config))\n",
            at="config.mode",
            message="the worst",
            fixed=(
                "from tensorflow import keras\n"
                "class Config:\n"
                "    monitor = 'val_accuracy'\n"
                "    mode = 'min'\n"
                "def callbacks(config):\n"
                "    found = []\n"
                "    for name in ('a', 'b'):\n"
                "        found.append(keras.callbacks.TensorBoard(name))\n"
                "    return found + [keras.callbacks.ModelCheckpoint('best.keras', config.monitor, save_best_only=True, mode='max')]\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
                "model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])\n"
                "model.fit(x, y, validation_data=(a, b), callbacks=callbacks(Config))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "import keras\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n",
                "model.fit(x, y, callbacks=[keras.callbacks.EarlyStopping(patience=5)])\n",
            ),
            at="keras.callbacks.EarlyStopping(patience=5)",
            cell=1,
            message="no validation data",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        calls = [call for call in program.model_calls if call.method in ("fit", "fit_generator")]
        compiled = {event.model: event for event in program.compiled} if calls else {}
        adds = bool(calls) and _adds_metrics(program)
        for call in calls:
            callbacks = _callbacks(program, call)
            event = compiled.get(call.model)
            model = program.object(call.model)
            # A model of the user's own class that has no loss here takes its steps, and logs, in a way of its own.
            if not callbacks or event is None or (model is None and not event.losses):
                continue
            logged = _logged(program, event)
            custom = any(record is None or record.name.rsplit(".", 1)[-1] not in PASSIVE for record in callbacks)
            for record in callbacks:
                if record is None or record.name.rsplit(".", 1)[-1] not in WATCHING:
                    continue
                report = self._judge(program, call, event, record, None if custom or adds else logged)
                if report is not None:
                    yield report

    def _judge(
        self, program: Program, call: ModelCall, event: Compile, record: ApiObject, logged: dict[str, str] | None
    ) -> Report | None:
        callback = record.name.rsplit(".", 1)[-1]
        argument = record.arguments.get("monitor")
        monitor = argument.value.value if argument is not None and isinstance(argument.value, Const) else None
        if argument is None or not isinstance(monitor, str):
            return None
        if callback == "ModelCheckpoint":
            best = record.arguments.get("save_best_only")
            if best is None or best.value != Const(True):
                return None
        place = argument.place if argument.place is not None else record.place
        trace = [Step(event.place, "the metrics are chosen here"), Step(call.place, "the model is trained here")]
        base = monitor.removeprefix("val_")
        if logged is not None:
            if base not in ("lr", "learning_rate") and not _among(base, logged):
                other = {"acc": "accuracy", "accuracy": "acc"}.get(base)
                name = f"val_{other}" if monitor != base else other
                if other in logged and name is not None and argument.place is not None:
                    reason = f": it is logged as `{name}`"
                    action = ReplaceValue(argument.place, (f'"{name}"',))
                    remedies = [Remedy(f"Watch `{name}`", "safe", (action,))]
                    return self.report(
                        place, callback=callback, monitor=monitor, reason=reason, trace=trace, remedies=remedies,
                        subject=call.model,
                    )  # fmt: skip
                reason = ": the model logs " + ", ".join(f"`{name}`" for name in ("loss", *logged))
                return self.report(
                    place, callback=callback, monitor=monitor, reason=reason, trace=trace, subject=call.model
                )
            if monitor != base and not holds_out(call):
                reason = ": there is no validation data"
                return self.report(
                    place, callback=callback, monitor=monitor, reason=reason, trace=trace[1:], subject=call.model
                )
        return self._direction(program, record, base, logged or {}, trace, call)

    def _direction(
        self, program: Program, record: ApiObject, base: str, logged: dict[str, str], trace: list[Step], call: ModelCall
    ) -> Report | None:
        """A mode that takes the worst value for the best."""
        argument = record.arguments.get("mode")
        mode = argument.value.value if argument is not None and isinstance(argument.value, Const) else None
        higher = _higher(base, logged)
        if argument is None or higher is None:
            return None
        callback = record.name.rsplit(".", 1)[-1]
        right = "max" if higher else "min"
        if mode == "auto":
            # Keras 3 asks the metric, or refuses; see https://github.com/keras-team/tf-keras, callbacks.py.
            seen = base.endswith(("acc", "accuracy", "auc")) if callback == "EarlyStopping" else "acc" in base
            if program.generation == "2.16" or not higher or seen or "acc" in base:
                return None
        elif mode not in ("min", "max") or mode == right:
            return None
        text = f'`{callback}` takes the worst `{base}` for the best: higher is better, and the mode "{mode}" looks for the lowest'
        if not higher:
            text = f'`{callback}` takes the worst `{base}` for the best: lower is better, and the mode "{mode}" looks for the highest'
        action = SetArgument(record.place, "mode", (f'"{right}"',), existing=argument.place)
        remedies = [Remedy(f'Set `mode="{right}"`', "safe", (action,))]
        place = argument.place if argument.place is not None else record.place
        return self.report(
            place, message=text.replace("{", "{{"), trace=trace[1:], remedies=remedies, subject=call.model
        )


def _callbacks(program: Program, call: ModelCall) -> list[ApiObject | None]:
    """The callbacks of a training; None stands for one that is not Keras' own."""
    argument = call.arguments.get("callbacks")
    if argument is None:
        return []
    value = argument.value
    record = program.record(value) if isinstance(value, Ref) else None
    if not isinstance(value, (Ref, Tuple)) or getattr(record, "items", ()) is None:
        return []
    found = []
    for item in program.items(value):
        callback = program.object(item)
        found.append(callback if callback is not None and callback.name.startswith("keras.callbacks.") else None)
    return found


def _adds_metrics(program: Program) -> bool:
    """Whether a layer or model logs something by itself: what it adds, and the metrics that it holds."""
    if any(True for _ in program.events_of(MetricAdded)):
        return True
    held = (
        item for _, owner in program.instances for value in owner.attributes.values() for item in program.items(value)
    )
    return any(_is_metric(program.record(item)) for item in held if isinstance(item, Ref))


def _is_metric(record: object) -> bool:
    if isinstance(record, InstanceRecord) and isinstance(record.cls, Class):
        return any(isinstance(base, Api) and base.symbol.name.startswith("keras.metrics.") for base in record.cls.bases)
    return isinstance(record, ApiObject) and record.kind == "metric"


def _logged(program: Program, event: Compile) -> dict[str, str] | None:
    """What a model with one output logs beside the loss: name -> metric; None when that is not all known."""
    known = items(program, event)
    if known is None or len(event.losses) > 1:
        return None
    loss = event.arguments.get("loss")
    if loss is not None and isinstance(loss.value, Ref) and isinstance(program.record(loss.value), DictRecord):
        return None
    found: dict[str, str] = {}
    for value in known:
        if isinstance(value, Const) and isinstance(value.value, str):
            metric, _, _ = metric_of(program, value)
            for name in _spellings(program, event, value.value):
                found[name] = metric or value.value
        elif isinstance(value, Api):
            name = value.symbol.name.rsplit(".", 1)[-1]
            found[_snake(name) if value.symbol.kind == "class" else name] = name
        elif isinstance(value, Function):
            if value.name == "<lambda>":
                return None
            found[value.name] = ""
        else:
            record = program.object(value)
            if record is None or record.kind != "metric":
                return None
            given = record.arguments.get("name")
            metric = record.name.rsplit(".", 1)[-1]
            if given is None or not given.given:
                found[_snake(metric)] = metric
            elif isinstance(given.value, Const) and isinstance(given.value.value, str):
                found[given.value.value] = metric
            else:
                return None
    return found


def _spellings(program: Program, event: Compile, text: str) -> tuple[str, ...]:
    """The names that a metric given as a string may be logged under."""
    model = program.object(event.model)
    # Keras as a package of its own said `acc` until 2.2; what is not for Keras 3 may be as old as that.
    is_own = model is not None and model.symbol.flavour == "keras"
    is_old = program.generation == "1.x" or (is_own and (program.generation != "2.16" or is_for_keras_1(program)))
    if text in ("accuracy", "acc") and is_old:
        return ("accuracy", "acc")
    return (text,) if text == text.lower() else (text, _snake(text))


def _snake(name: str) -> str:
    """The default name of a Keras object: `mean_io_u` for `MeanIoU`."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _among(base: str, logged: dict[str, str]) -> bool:
    """Whether a name is logged; the second metric of a kind in one session gets a number behind its name."""
    return base == "loss" or base in logged or re.sub(r"_\d+$", "", base) in logged


def _higher(base: str, logged: dict[str, str]) -> bool | None:
    """Whether higher values of what is watched are better; None when that is not known."""
    if base == "loss":
        return False
    metric = logged.get(re.sub(r"_\d+$", "", base), logged.get(base))
    if metric in HIGHER_IS_BETTER or base in ("accuracy", "acc"):
        return True
    if metric == "" and _HIGHER.search(base) and not _LOWER.search(base):
        return True
    return None
