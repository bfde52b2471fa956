"""Defaults that `arg_scope` of tf.contrib sets, collections of losses, layers that are repeated."""

from __future__ import annotations

import pytest
from tests.interpret.machine import program, run, shape, value

from trainlint.program.events import Escape
from trainlint.program.values import Tensor

START = """
import tensorflow as tf
import tensorflow.contrib.slim as slim
x = tf.placeholder(tf.float32, [None, 8])
"""


def activation(code: str) -> object:
    found = value(START + code, "y", "1.x")
    assert isinstance(found, Tensor)
    return found.activation


def test_a_scope_sets_the_defaults_of_the_calls_inside():
    """Outside of it, and where the argument is given, it says nothing."""
    scope = "with slim.arg_scope([slim.fully_connected], activation_fn=tf.nn.tanh):\n    "

    assert "tanh" == activation(scope + "y = slim.fully_connected(x, 4)\n")
    assert "sigmoid" == activation(scope + "y = slim.fully_connected(x, 4, tf.nn.sigmoid)\n")
    assert "relu" == activation(scope + "pass\ny = slim.fully_connected(x, 4)\n")


def test_a_scope_holds_in_the_functions_that_are_called():
    """What a builder makes depends on the scope around its call."""
    code = "def net(x):\n    return slim.fully_connected(x, 4)\n"

    assert "linear" == activation(
        code + "with slim.arg_scope([slim.fully_connected], activation_fn=None):\n    y = net(x)\n"
    )


def test_a_scope_is_a_value():
    """A function may return it, as those of the model collection do."""
    code = (
        "def scope():\n"
        "    with slim.arg_scope([slim.fully_connected], activation_fn=None) as made:\n"
        "        return made\n"
        "with slim.arg_scope(scope()):\n"
        "    y = slim.fully_connected(x, 4)\n"
    )

    assert "linear" == activation(code)


def test_an_unknown_scope_may_set_anything():
    """What comes of a layer inside is not known, but for its shape."""
    code = "import nets\nwith slim.arg_scope(nets.scope()):\n    y = slim.fully_connected(x, 4)\n"

    assert activation(code) is None
    assert "[batch, 4]" == shape(START + code, "y", "1.x")


@pytest.mark.parametrize(("scopes", "expected"), [("", "relu"), ("scope = slim.arg_scope\n", None)])
def test_who_calls_a_function_may_stand_in_a_scope(scopes, expected):
    """Where nothing calls it and the program has scopes, the defaults of the library are not known to hold."""
    root = run(START + scopes + "def net(x):\n    return slim.fully_connected(x, 4)\n", "1.x").programs[1]

    (returned,) = root.events_of(Escape)

    assert expected == root.tensor(returned.values[0]).activation


def test_repeated_layers_have_weights_of_their_own():
    """`repeat` and `stack` make one layer after the other."""
    code = "y = slim.stack(slim.repeat(x, 3, slim.fully_connected, 5), slim.fully_connected, [6, 7])\n"

    assert "[batch, 7]" == shape(START + code, "y", "1.x")
    assert 5 == len(list(program(START + code, "1.x").of_kind("matmul")))


def test_collected_losses_are_what_is_minimized():
    """A program may collect its losses under the key that TensorFlow uses too."""
    code = (
        "w = tf.Variable(tf.zeros([8, 1]))\n"
        "tf.add_to_collection('losses', tf.nn.l2_loss(w))\n"
        "tf.losses.add_loss(tf.reduce_mean(tf.matmul(x, w)))\n"
        "y = tf.add_n(tf.get_collection(tf.GraphKeys.LOSSES))\n"
        "z = tf.losses.get_total_loss()\n"
    )
    found = program(START + code, "1.x")

    for name in ("tf.add_n", "tf.losses.get_total_loss"):
        total = next(o for o in found.of_kind("add") if o.name == name)
        behind = [found.operation(key) for key in found.ancestors(total.id)]
        assert 2 == len([o for o in behind if o is not None and o.kind == "reduce"])
