"""What is said of models that were understood in part or not at all."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.project import Project

HEAD = "import tensorflow as tf\nimport numpy as np\nfrom elsewhere import build\n"


def models(text, tmp_path):
    """How far each model was understood: by line, whether it was and what is missing."""
    path = str(tmp_path / "train.py")
    analysis = analyse((HEAD + text).encode(), path, Project(tmp_path), Config())
    return [(analysis.location(each.place).line - 3, each.understood, len(each.missing)) for each in analysis.models]


@pytest.mark.parametrize(
    "text",
    [
        "model = build()\nmodel.compile('adam', 'mse')\nmodel.fit(x, y)\n",
        "model = build()\nmodel.compile(loss='mse', optimizer='adam')\n",
        "class T:\n    def run(self, data):\n        self.net.compile(optimizer='adam', loss='mse')\n",
        "def train(model, data):\n    model.fit(data, epochs=3)\n",
    ],
)
def test_a_model_from_elsewhere_is_one(text, tmp_path):
    """A model that is compiled or fitted counts, also where nothing is known of it, and it counts once."""
    found = models(text, tmp_path)

    assert [(False, 1)] == [each[1:] for each in found]


@pytest.mark.parametrize(
    "text",
    [
        "import re\npattern = re.compile('a', re.I)\n",
        "from sklearn.linear_model import Ridge\nRidge().fit(x, y)\n",
        "scaler = build()\nscaler.fit(x)\n",
        "model = build()\nmodel.predict(x)\n",
    ],
)
def test_other_calls_are_no_models(text, tmp_path):
    """What compiles patterns or fits without epochs is no network."""
    assert [] == models(text, tmp_path)


def test_unknown_sizes_are_told(tmp_path):
    """A network whose weights have an unknown size was understood in part."""
    text = (
        "model = tf.keras.Sequential([tf.keras.layers.Dense(1)])\n"
        "model.compile('adam', 'mse')\nmodel.fit(np.load('x.npy'), np.load('y.npy'))\n"
    )

    assert [(2, True, 1)] == models(text, tmp_path)


def test_a_ready_made_network_is_understood(tmp_path):
    """A network of the library counts as one although its layers are not listed."""
    text = (
        "model = tf.keras.applications.ResNet50(weights=None, classes=10, input_shape=(32, 32, 3))\n"
        "(x, y), _ = tf.keras.datasets.cifar10.load_data()\n"
        "model.compile('adam', 'sparse_categorical_crossentropy')\nmodel.fit(x / 255, y)\n"
    )

    assert [(3, True, 0)] == models(text, tmp_path)
