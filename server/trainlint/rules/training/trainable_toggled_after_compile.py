"""trainable-toggled-after-compile: layers that are frozen or set free between two `fit`, without another `compile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import Compile, ModelCall, TrainableSet
from trainlint.program.freezing import parts, trains_at
from trainlint.program.values import FALSE
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Id

_TRAINING = ("fit", "fit_generator", "train_on_batch")
_LEGACY = ("2.0", "2.11")
"""Generations in which a model looks at `trainable` when it is compiled; later ones when it is first trained."""


class TrainableToggledAfterCompile(Rule):
    """
    ## What it does
    Reports `layer.trainable = ...` on a part of a model that was compiled and trained before and is trained again without another `compile`.
    Before Keras 3 a change after `compile` is reported even if the model was not trained yet.

    ## Why it is bad
    A compiled model keeps the list of the weights that it trains.
    What is set free stays frozen, so the fine-tuning trains nothing but the head; what is frozen goes on changing.
    There is no warning, and the loss falls a little either way.

    ## Example
    ```python
    model.fit(data, epochs=5)
    base.trainable = True
    model.fit(data, epochs=5)
    ```

    ## Use instead
    ```python
    model.fit(data, epochs=5)
    base.trainable = True
    model.compile(keras.optimizers.Adam(1e-5), "binary_crossentropy")
    model.fit(data, epochs=5)
    ```

    ## Fix safety
    None: the fine-tuning needs a learning rate of its own, which only the author can choose.

    ## Probe
    Freezes or frees a layer of a small model at the same moment and looks whether the next training moves it.

    ## References
    - https://keras.io/guides/transfer_learning/: "calling compile() on a model is meant to freeze the behavior of that model"
    - https://keras.io/getting_started/faq/#how-can-i-freeze-layers-and-do-finetuning
    """

    name, code, category, severity = "trainable-toggled-after-compile", "TL801", "training", "error"
    rank = 48
    evidence = ("certificate",)
    message = "this has no effect: the model is not compiled again before it is trained, so {effect}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "base = keras.applications.MobileNetV2(include_top=False, input_shape=(96, 96, 3), pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data, epochs=5)\n"
            "base.trainable = True\n"
            "model.compile(keras.optimizers.Adam(1e-5), 'binary_crossentropy')\n"
            "model.fit(data, epochs=5)\n",
        ),
        Valid(
            "import keras\n"
            "def generator():\n"
            "    return keras.Sequential([keras.Input((16,)), keras.layers.Dense(32)])\n"
            "critic = keras.Sequential([keras.Input((32,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "critic.compile('adam', 'binary_crossentropy')\n"
            "critic.train_on_batch(pictures, truths)\n"
            "critic.trainable = False\n"
            "noise = keras.Input((16,))\n"
            "both = keras.Model(noise, critic(generator()(noise)))\n"
            "both.compile('adam', 'binary_crossentropy')\n"
            "for step in range(100):\n"
            "    critic.train_on_batch(pictures, truths)\n"
            "    both.train_on_batch(draw(), ones)\n",
            why="the critic goes on learning by itself, and is frozen in the pair alone",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from settings import compiled\n"
            "base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])\n"
            "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n"
            "base.trainable = False\n"
            "compiled(model)\n"
            "model.fit(x, y)\n",
            why="what another module does with the model is not known",
        ),
        Valid(
            "import keras\n"
            "base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])\n"
            "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "base.trainable = False\n"
            "model.fit(x, y)\n",
            why="Keras 3 looks at it when the model is first trained",
        ),
        Valid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])\n"
                "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n",
                "base.trainable = True\nmodel.fit(x, y)\n",
            ),
            why="it was trainable before",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "base = keras.applications.MobileNetV2(include_top=False, input_shape=(96, 96, 3), pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data, epochs=5)\n"
            "base.trainable = True\n"
            "model.fit(data, epochs=5)\n",
            at="base.trainable",
            occurrence=1,
            severity="error",
            message="stay frozen",
            traces=("compiled here", "trained again here"),
        ),
        Invalid(
            "import keras\n"
            "def build(base, inputs):\n"
            "    return keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))\n"
            "inputs = keras.Input((96, 96, 3))\n"
            "base = keras.applications.ResNet50(include_top=False, input_shape=(96, 96, 3), pooling='avg')\n"
            "base.trainable = False\n"
            "model = build(base, inputs)\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n"
            "base.trainable = True\n"
            "model.fit(x, y, epochs=10)\n",
            at="base.trainable",
            occurrence=1,
        ),
        Invalid(
            "import keras\n"
            "class Config:\n"
            "    widths = (16, 8)\n"
            "model = keras.Sequential([keras.Input((4,))])\n"
            "for width in Config.widths:\n"
            "    model.add(keras.layers.Dense(width, activation='relu'))\n"
            "model.add(keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n"
            "for layer in model.layers[:-1]:\n"
            "    layer.trainable = False\n"
            "model.fit(other_x, other_y)\n",
            at="layer.trainable",
            message="go on changing",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])\n"
                "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n",
                "base.trainable = False\nmodel.fit(x, y)\n",
            ),
            at="base.trainable",
            cell=1,
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        toggles = [event for event in program.events_of(TrainableSet) if event.value is not None]
        if not toggles:
            return
        seen = set()
        models = {
            key: parts(program, key) for key, record in program.objects
            if record.kind == "model" and not _is_remade(record) and not program.escapes(key)
        }  # fmt: skip
        for toggle in toggles:
            if toggle.place in seen or toggle.context.conditions or trains_at(program, toggle.target, toggle) is None:
                continue
            if trains_at(program, toggle.target, toggle) == toggle.value:
                continue
            for model in models:
                if toggle.target not in models[model]:
                    continue
                report = self._in_model(program, toggle, model)
                if report is not None:
                    seen.add(toggle.place)
                    yield report
                    break

    def _in_model(self, program: Program, toggle: TrainableSet, model: Id) -> Report | None:
        compiled: Compile | None = None
        is_trained, is_set = False, False
        for event in program.events:
            if event is toggle:
                is_set = True
            elif isinstance(event, Compile):
                if is_set:
                    return None  # of another model too: that one may be what the change is for
                if event.model is model:
                    compiled, is_trained = event, False
            elif is_set and isinstance(event, TrainableSet) and event.target is toggle.target:
                return None
            elif isinstance(event, ModelCall) and event.model is model and event.method in _TRAINING:
                if not is_set:
                    is_trained = True
                    continue
                if event.method == "train_on_batch" or compiled is None or _is_eager(compiled):
                    return None
                if not is_trained and program.generation not in _LEGACY:
                    return None
                effect = "these weights stay frozen" if toggle.value else "these weights go on changing"
                return self.report(
                    toggle.place,
                    effect=effect,
                    trace=[
                        Step(compiled.place, "the model is compiled here"),
                        Step(event.place, "and trained again here"),
                    ],
                    subject=toggle.target,
                )
        return None


def _is_remade(record: ApiObject) -> bool:
    """Whether the program itself makes the model look at its weights again."""
    return bool(record.fields.get("remade")) or "train_function" in record.fields.get("attributes", {})


def _is_eager(compiled: Compile) -> bool:
    """Whether the model may look at its weights anew in each step."""
    argument = compiled.arguments.get("run_eagerly")
    return argument is not None and argument.given and argument.value != FALSE
