"""The look at the bytes before the parser."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trainlint.source.prefilter import is_binary, is_notebook, may_concern


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


@pytest.mark.parametrize(
    "data",
    [b"\x7fELF\2\1\1" + bytes(60), bytes(range(256)), b"\x89PNG\r\n\x1a\n\0\0", b"a = 1\n" + bytes(5)],
)
def test_binary(data):
    """What no program is written in is known without a parser."""
    assert is_binary(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"import torch\n",
        "x = 'é'\n".encode(),
        "# coding: latin-1\nx = 'é'\n".encode("latin-1"),
        "x = 'é'\n".encode("utf-16"),
        b"print('\x1b[1m')\n\x0c",
    ],
)
def test_text(data):
    """Text of any encoding that Python sources have is text."""
    assert not is_binary(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"cells": [], "metadata": {}}', True),
        (b'\n {"worksheets": []}', True),
        (b'{"cells": [', False),
        (b'{"cells": 3}', False),
        (b'print({"cells": []})', False),
        (b"", False),
    ],
)
def test_notebook(data, expected):
    """A notebook is a JSON object that has cells."""
    assert expected == is_notebook(data)
