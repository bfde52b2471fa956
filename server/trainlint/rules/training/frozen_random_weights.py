"""frozen-random-weights: a pretrained architecture without its weights, frozen at their random start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, SetArgument
from trainlint.program.events import TrainableSet, WeightsSet
from trainlint.program.freezing import parts, trains_at
from trainlint.program.values import is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import ModelCall
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Id
    from trainlint.source.code import Place


class FrozenRandomWeights(Rule):
    """
    ## What it does
    Reports a network of `keras.applications` that is made with `weights=None`, set to `trainable = False` and part of a model that is trained.
    Weights that are loaded or set make it silent.

    ## Why it is bad
    The network stays at its random start, and the layers behind it learn from what that happens to give.
    The loss falls a little, so it looks like a hard task.

    ## Example
    ```python
    base = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
    base.trainable = False
    ```

    ## Use instead
    ```python
    base = keras.applications.ResNet50(weights="imagenet", include_top=False, pooling="avg")
    base.trainable = False
    ```

    ## Fix safety
    Unsafe: the pretrained weights want inputs of their own range, and the network may have been meant to train.

    ## Probe
    It follows from the program: the weights are drawn at random, frozen in every training, and never loaded.

    ## References
    - https://keras.io/guides/transfer_learning/
    - https://keras.io/api/applications/
    """

    name, code, category, severity = "frozen-random-weights", "TL805", "training", "error"
    rank = 50
    evidence = ("certificate",)
    message = "`{network}` starts with random weights and is frozen, so it never learns anything"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "base = keras.applications.ResNet50(weights='imagenet', include_top=False, pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "def network(path):\n"
            "    base = keras.applications.ResNet50(weights=None, include_top=False, pooling='avg')\n"
            "    base.load_weights(path)\n"
            "    base.trainable = False\n"
            "    return keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model = network('weights.h5')\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data)\n",
        ),
        Valid(
            "import keras\n"
            "from settings import weights\n"
            "base = keras.applications.VGG16(weights=weights, include_top=False, pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="which weights is not known",
        ),
        Valid(
            "import keras\n"
            "base = keras.applications.VGG16(weights=None, include_top=False, pooling='avg')\n"
            "for trainable in (False, True):\n"
            "    base.trainable = trainable\n"
            "model = keras.Sequential([base, keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="it is set free before the training",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "base = keras.applications.ResNet50(weights=None, include_top=False, pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data)\n",
            at="None",
            severity="error",
            message="`ResNet50`",
            traces=("frozen here", "trained here"),
            fixed="from tensorflow import keras\n"
            "base = keras.applications.ResNet50(weights='imagenet', include_top=False, pooling='avg')\n"
            "base.trainable = False\n"
            "model = keras.Sequential([base, keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(data)\n",
        ),
        Invalid(
            "import keras\n"
            "class Config:\n"
            "    freeze = True\n"
            "def network(inputs):\n"
            "    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(96, 96, 3))\n"
            "    base.trainable = not Config.freeze\n"
            "    x = keras.layers.GlobalAveragePooling2D()(base(inputs, training=False))\n"
            "    return keras.Model(inputs, keras.layers.Dense(1)(x))\n"
            "model = network(keras.Input((96, 96, 3)))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="None",
            fixed="import keras\n"
            "class Config:\n"
            "    freeze = True\n"
            "def network(inputs):\n"
            "    base = keras.applications.MobileNetV2(weights='imagenet', include_top=False, input_shape=(96, 96, 3))\n"
            "    base.trainable = not Config.freeze\n"
            "    x = keras.layers.GlobalAveragePooling2D()(base(inputs, training=False))\n"
            "    return keras.Model(inputs, keras.layers.Dense(1)(x))\n"
            "model = network(keras.Input((96, 96, 3)))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
        ),
        Invalid(
            "",
            cells=(
                "from keras.applications import VGG16\n"
                "from keras.layers import Dense\n"
                "from keras.models import Sequential\n"
                "base = VGG16(weights=None, include_top=False, pooling='avg', input_shape=(64, 64, 3))\n",
                "base.trainable = False\n"
                "model = Sequential([base, Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n",
            ),
            at="None",
            cell=0,
            fixed="from keras.applications import VGG16\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "base = VGG16(weights='imagenet', include_top=False, pooling='avg', input_shape=(64, 64, 3))\n"
            "\n"
            "base.trainable = False\n"
            "model = Sequential([base, Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        frozen = {event.target: event.place for event in program.events_of(TrainableSet) if event.value is False}
        for key, place in frozen.items():
            record = program.object(key)
            if record is None or "backbone" not in record.fields or _has_weights(program, key, record):
                continue
            call = _training(program, key)
            if call is not None:
                yield self._report(record, place, call)

    def _report(self, record: ApiObject, place: Place, call: ModelCall) -> Report:
        weights = record.arguments["weights"]
        action = SetArgument(record.place, "weights", ("'imagenet'",), existing=weights.place)
        return self.report(
            weights.place or record.place,
            network=record.name.rsplit(".", 1)[-1],
            trace=[Step(place, "it is frozen here"), Step(call.place, "and the model trained here")],
            remedies=[Remedy("Load the weights that were learned on ImageNet", "unsafe", (action,))],
        )


def _has_weights(program: Program, key: Id, record: ApiObject) -> bool:
    """Whether a network may have other weights than its random start."""
    weights = record.arguments.get("weights")
    if weights is None or not weights.given or not is_none(weights.value):
        return True
    if record.fields.get("restored") or record.fields.get("adapted") or program.escapes(key):
        return True
    if any(event.target is None for event in program.events_of(WeightsSet)):
        return True
    if any(other.name == "tf.train.Checkpoint" for _, other in program.objects):
        return True
    return any(True for _ in program.of_kind("assign"))


def _training(program: Program, key: Id) -> ModelCall | None:
    """The training of a model that the frozen network is part of, if all of its trainings leave it frozen."""
    found: ModelCall | None = None
    for call in program.model_calls:
        if call.method not in ("fit", "fit_generator") or key not in parts(program, call.model):
            continue
        model = program.object(call.model)
        if model is None or model.fields.get("restored") or program.escapes(call.model):
            return None
        if trains_at(program, key, call) is not False:
            return None
        found = found or call
    return found
