"""Measurements as plain data."""

from __future__ import annotations

import math
from types import SimpleNamespace

from tests.probe.programs import KERAS, rebuilt

from trainlint.probe.entries import _layers, _shortened
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN


def layers(written: str, repaired: str):
    return _layers(SimpleNamespace(replicas={AS_WRITTEN: rebuilt(written), ALL_REPAIRED: rebuilt(repaired)}))


def test_layers_are_paired_by_what_stands_behind_them():
    """An activation that a repair removes has no counterpart, those before it keep theirs."""
    repaired = KERAS.replace(', activation="softmax"', "").replace(
        'loss="sparse_categorical_crossentropy"',
        "loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
    )
    found = list(layers(KERAS, repaired).values())

    weights = [each for each in found if each["kind"] == "variable"]
    assert [[12, 32], [32], [32, 4], [4]] == [each["shape"] for each in weights]
    assert all(each["repaired"] for each in weights)
    activations = {each["layer"]: each["repaired"] for each in found if each["kind"] == "activation"}
    assert {"relu", "softmax"} == set(activations)
    assert activations["relu"] is not None
    assert activations["softmax"] is None


def test_layers_of_another_network_are_not_paired():
    """Where a repair adds a layer nothing tells which is which."""
    repaired = KERAS.replace("keras.layers.Dropout(0.25),", 'keras.layers.Dense(16, activation="relu"),')

    assert {None} == {each["repaired"] for each in layers(KERAS, repaired).values()}


def test_numbers_have_the_digits_that_they_mean():
    """Five digits are more than seeds agree on, and what is not finite is null."""
    value = {"a": [1 / 3, math.inf, math.nan, 3, None, "x", True]}

    assert {"a": [0.33333, None, None, 3, None, "x", True]} == _shortened(value)
