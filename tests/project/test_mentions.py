"""The versions of TensorFlow and Keras that a README, or the top of a script, mentions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.project import Pins, Project
from trainlint.project.mentions import versions_in
from trainlint.tfapi import generations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Requirements: TensorFlow 1.4, Keras 2.0.8", ["keras ==2.0.8", "tensorflow ==1.4"]),
        ("Using:\nTensorflow: 1.0\ngym: 0.7.3", ["tensorflow ==1.0"]),
        ("* [TensorFlow](https://www.tensorflow.org/) 1.8", ["tensorflow ==1.8"]),
        ("![TF](https://img.shields.io/badge/TensorFlow-2.5-orange)", ["tensorflow ==2.5"]),
        ("![](https://img.shields.io/badge/tensorflow-%3E%3D2.1-blue)", ["tensorflow >=2.1"]),
        ("| **TensorFlow** | 1.4 |", ["tensorflow ==1.4"]),
        ("`tensorflow-gpu==1.14.0`", ["tensorflow ==1.14.0"]),
        ("TensorFlow (GPU) v1.13.1", ["tensorflow ==1.13.1"]),
        ("docker run tensorflow/tensorflow:1.13.1-gpu", ["tensorflow ==1.13.1"]),
        ("Tensorflow2.1版本", ["tensorflow ==2.1"]),
        ("TensorFlow 2.0.0-rc1", ["tensorflow ==2.0.0"]),
        ("tensorflow 1.4 or later", ["tensorflow >=1.4"]),
        ("Tensorflow 1.13.1+", ["tensorflow >=1.13.1"]),
        ("TensorFlow ≥ 1.3.0", ["tensorflow >=1.3.0"]),
        ("TensorFlow <2", ["tensorflow <2"]),
        ("TensorFlow 2", ["tensorflow >=2,<3"]),
        ("TensorFlow 2, tested with TensorFlow 2.3", ["tensorflow ==2.3"]),
        ("TensorFlow 1.x or 2.x", ["tensorflow >=1,<2", "tensorflow >=2,<3"]),
        ("TensorFlow 1.4 and 2.3", ["tensorflow ==1.4", "tensorflow ==2.3"]),
        ("Now for TensorFlow 2.3, migrated from TensorFlow 1.4", ["tensorflow ==2.3"]),
    ],
)  # fmt: skip
def test_said(text: str, expected: list[str]):
    """A version behind the name of a package is what the text says of it."""
    assert expected == [" ".join(pin) for pin in versions_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A network in TensorFlow and Keras with 2.5 million weights",
        "TensorFlow 2D convolutions, Keras 3 layers, tf 2 times",
        "tensorflow_probability 0.8, tensorflow-hub 0.7, tf.keras 2.1, autokeras 1.0",
        "It does not work with TensorFlow 2.0.",
        "TensorFlow 2.0 isn't supported.",
        "before TensorFlow 1.4 this was slow",
        "https://www.tensorflow.org/versions/r1.4/api_docs",
        "TensorFlow 100.3, TensorFlow 9.1, Keras 2017",
        "tensorflow backend (1.8)",
    ],
)
def test_not_said(text: str):
    """Other numbers, other packages, and versions that a program is not for say nothing."""
    assert () == versions_in(text)


@given(
    st.lists(st.sampled_from(["tensorflow ", "TF", "keras", "](", "1.", "2.x", "==", " or later", "not ", ". ", "|"]))
)
def test_whatever_it_says(words: list[str]):
    """Any text gives pins of these packages, which allow some generation."""
    for package, specifier in versions_in("".join(words)):
        assert generations([], said=[(package, specifier)])


def test_readme(tmp_path):
    """A README counts where no file pins TensorFlow or Keras; a module with that name, and a folder, do not."""
    (tmp_path / "README.md").write_text("Needs Keras 2.1.6 and TensorFlow 1.8.\n")
    (tmp_path / "readme_zh.txt").write_bytes("需要 TensorFlow 1.9\xff".encode("latin-1", "replace"))
    (tmp_path / "readme.py").write_text("# TensorFlow 2.3\n")
    (tmp_path / "README.rst").mkdir()
    said = (("keras", "==2.1.6"), ("tensorflow", "==1.8"), ("tensorflow", "==1.9"))

    assert Pins((), said) == Project(tmp_path).pins
    (tmp_path / "requirements.txt").write_text("numpy<2\ntensorflow\n")
    assert Pins((("numpy", "<2"), ("tensorflow", "")), said) == Project(tmp_path).pins
    (tmp_path / "requirements.txt").write_text("tensorflow==2.3\n")
    assert Pins((("tensorflow", "==2.3"),)) == Project(tmp_path).pins


def test_notebook(tmp_path):
    """What a notebook installs, or ran with, tells more than the README."""
    (tmp_path / "README.md").write_text("Needs TensorFlow 1.8.\n")
    project, notebook = Project(tmp_path), str(tmp_path / "a.ipynb")
    ran = [("tensorflow", "<2.7")]

    assert (("tensorflow", "==1.8"),) == project.seen_from(notebook, {}, ["!pip install 'numpy<2'"]).pins.said
    assert Pins((("tensorflow", "<2.7"),)) == project.seen_from(notebook, {}, [], ran).pins
    assert Pins((("tensorflow", "==2.9"),)) == project.seen_from(notebook, {}, ["!pip install tensorflow==2.9"]).pins
