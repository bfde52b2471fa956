"""The generations that a program can have been written for."""

from __future__ import annotations

import pytest

from trainlint.tfapi import GENERATIONS, choose, generations

TF2 = ("2.0", "2.11", "2.16")
KERAS2 = ("1.x", "2.0", "2.11")


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [
        ([], GENERATIONS),
        (["tensorflow.matmul", "numpy.zeros", "torch.nn.Linear"], GENERATIONS),
        (["tensorflow.placeholder"], ("1.x",)),
        (["tensorflow.Session"], ("1.x",)),
        (["tensorflow.layers.dense"], ("1.x",)),
        (["tensorflow.contrib.layers.l2_regularizer"], ("1.x",)),
        (["tensorflow.contrib.keras.optimizers.Adam"], ("1.x",)),
        (["tensorflow.contrib.slim.nets.vgg.vgg_16"], ("1.x",)),
        (["tensorflow.train.AdamOptimizer"], ("1.x",)),
        (["tensorflow.random_normal"], ("1.x",)),
        (["tensorflow.app.flags.DEFINE_integer"], ("1.x",)),
        (["tensorflow.compat.v1.placeholder", "tensorflow.compat.v1.Session"], GENERATIONS),
        (["tensorflow.GradientTape"], GENERATIONS),
        (["tensorflow.optimizers.Adam"], TF2),
        (["tensorflow.keras.optimizers.legacy.Adam"], ("2.11", "2.16")),
        (["keras.ops.relu"], ("2.16",)),
        (["keras.random.normal"], ("2.16",)),
        (["keras.layers.core.Dense"], KERAS2),
        (["tensorflow.estimator.Estimator"], KERAS2),
        (["tf_keras.layers.Dense"], GENERATIONS),
        # Most names of the program decide when a part of it has been migrated.
        (["tensorflow.placeholder", "tensorflow.Session", "keras.ops.relu"], ("1.x",)),
    ],
)
def test_names(dotted: list[str], expected: tuple[str, ...]):
    """
    Names that only some generations have narrow the set.
    """
    assert expected == generations(dotted)


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        (["tensorflow", "numpy"], GENERATIONS),
        (["tensorflow.contrib.slim"], ("1.x",)),
        (["tensorflow.examples.tutorials.mnist"], ("1.x",)),
        (["tensorflow.compat.v1"], GENERATIONS),
        (["tensorflow.python.keras.layers"], KERAS2),
        (["tensorflow.keras.mixed_precision.experimental"], ("1.x", "2.0")),
        (["keras.ops"], ("2.16",)),
        (["keras.layers.convolutional"], KERAS2),
    ],
)
def test_imports(imports: list[str], expected: tuple[str, ...]):
    """
    Modules that only some generations have narrow the set too.
    """
    assert expected == generations([], imports)


@pytest.mark.parametrize(
    ("pins", "expected"),
    [
        ({}, GENERATIONS),
        ({"numpy": "==1.26"}, GENERATIONS),
        ({"tensorflow": ""}, GENERATIONS),
        ({"tensorflow": "==1.15.0"}, ("1.x",)),
        ({"tensorflow-gpu": "1.4"}, ("1.x",)),
        ({"tensorflow_cpu": "==2.9.*"}, ("2.0",)),
        ({"tensorflow": "==2.10.1"}, ("2.0",)),
        ({"tensorflow": "==2.15"}, ("2.11",)),
        ({"tensorflow": "==2.16.1"}, ("2.16",)),
        ({"tensorflow": "==2.*"}, TF2),
        ({"tensorflow": "2"}, TF2),
        ({"tensorflow": ">=2.0"}, TF2),
        ({"tensorflow": ">=2.4,<2.12"}, ("2.0", "2.11")),
        ({"tensorflow": "<2"}, ("1.x",)),
        ({"tensorflow": "~=2.12"}, ("2.11", "2.16")),
        ({"tensorflow": "~=2.12.0"}, ("2.11",)),
        ({"tensorflow": ">1.0"}, GENERATIONS),
        ({"keras": "==3.3"}, ("2.16",)),
        ({"keras": "==2.2.4"}, ("1.x", "2.0")),
        ({"keras": "==2.2.4", "tensorflow": "==1.13.1"}, ("1.x",)),
        ({"tensorflow": "nonsense"}, GENERATIONS),
    ],
)
def test_pins(pins: dict[str, str], expected: tuple[str, ...]):
    """
    A requirement leaves the generations that can satisfy it.
    """
    assert expected == generations([], [], pins)


def test_exact_pin_wins():
    """
    An exact version decides against the names, a range does not.
    """
    assert generations(["tensorflow.placeholder"], [], {"tensorflow": "==2.16"}) == ("2.16",)
    assert generations(["tensorflow.placeholder"], [], {"tensorflow": ">=2.0"}) == ("1.x",)


def test_python_2():
    """
    What only Python 2 can read is for TensorFlow 1, unless it names something newer: 2.1 was the last for Python 2.
    """
    assert generations([], python_2=True) == ("1.x",)
    assert generations(["keras.layers.core.Dense"], python_2=True) == ("1.x",)
    assert generations(["tensorflow.optimizers.Adam"], python_2=True) == ("1.x", "2.0")


def test_choose_takes_the_newest():
    """
    The newest possible generation gives the signatures.
    """
    assert choose(GENERATIONS) == "2.16"
    assert choose(("1.x", "2.0")) == "2.0"
    assert choose(("1.x",)) == "1.x"
    assert choose(()) == "2.16"
