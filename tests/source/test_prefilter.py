"""The look at the bytes before the parser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trainlint.source.prefilter import may_concern


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("text", ["import tensorflow as tf\n", "from keras import layers\n"])
def test_concerned(text, encoding):
    """A file that names TensorFlow or Keras is read, whatever its encoding is."""
    assert may_concern(text.encode(encoding))


@pytest.mark.parametrize("data", [b"", b"import torch\n", b"tensor.flow\n", b"\0k\0e\0r\0a"])
def test_not_concerned(data):
    """Any other file is left alone."""
    assert not may_concern(data)


def test_no_parser_is_imported():
    """The look costs no import of the parser."""
    code = "import sys, trainlint.source.prefilter; sys.exit('libcst' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
