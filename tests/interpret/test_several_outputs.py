"""Models with several outputs."""

from __future__ import annotations

import pytest
from tests.interpret.machine import run, shape

HEADS = """
from tensorflow import keras
inputs = keras.Input((20,))
hidden = keras.layers.Dense(32, activation="relu")(inputs)
age = keras.layers.Dense(1, name="age")(hidden)
kind = keras.layers.Dense(5, activation="softmax", name="kind")(hidden)
"""
LOSSES = 'model.compile("adam", loss={"kind": "sparse_categorical_crossentropy", "age": "mse"})\n'


@pytest.mark.parametrize("outputs", ["[age, kind]", '{"age": age, "kind": kind}', '{"kind": kind, "age": age}'])
def test_losses_meet_the_output_of_their_name(outputs):
    """A dictionary of losses is matched by name, whatever the order of the outputs is."""
    interpretation = run(HEADS + f"model = keras.Model(inputs, {outputs})\n" + LOSSES)

    program = interpretation.programs[0]
    found = {o.attributes["function"]: program.tensor(o.attributes["predictions"]) for o in program.of_kind("loss")}

    assert {"sparse-softmax-cross-entropy": 5, "squared-error": 1} == {
        name: tensor.shape[-1] for name, tensor in found.items()
    }


def test_loss_of_an_unknown_name_meets_nothing():
    """A loss whose output is not known by its name gets one that nothing is known of."""
    code = HEADS + "model = keras.Model(inputs, [hidden, kind])\n" + LOSSES

    program = run(code).programs[0]
    found = {o.attributes["function"]: program.tensor(o.attributes["predictions"]) for o in program.of_kind("loss")}

    assert 5 == found["sparse-softmax-cross-entropy"].shape[-1]
    assert found.get("squared-error") is None


def test_answers_of_a_model_have_its_names():
    """`predict` of a model with a dictionary of outputs gives a dictionary."""
    code = HEADS + 'model = keras.Model(inputs, {"age": age, "kind": kind})\nimport numpy as np\n'
    code += 'x = model.predict(np.zeros((7, 20)))["kind"]\n'

    assert run(code).complete
    assert "[7, 5]" == shape(code)
