"""Real editors find a mistake, repair it and save; `make test-editors` installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = "import tensorflow as tf\n\nname = '😀é模型'; w = tf.Variable(tf.zeros([3]), tf.float32)\nprint(name, w)\n"
EDITORS = {
    "nvim": ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-S", str(HERE / "neovim.lua")],
    "emacs": ["emacs", "-Q", "--batch", "-l", str(HERE / "emacs.el")],
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("editor", EDITORS)
def test_editor_repairs_a_finding(editor, line_end, tmp_path):
    """The finding stands on the right text, its safe repair is applied, the finding goes, the file is saved."""
    if shutil.which(editor) is None and not os.environ.get("TRAINLINT_EDITORS"):
        pytest.skip(f"{editor} is not installed: make test-editors")
    file = tmp_path / "train.py"
    file.write_text(PROGRAM, encoding="utf-8", newline=line_end)
    environment = {
        **os.environ, "T_FILE": str(file), "T_PYTHON": sys.executable, "T_RULE": "dtype-passed-as-trainable",
        "T_TEXT": "tf.float32", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "LC_ALL": "C.UTF-8",
    }  # fmt: skip

    done = subprocess.run(
        EDITORS[editor], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )

    assert "OK" in done.stdout + done.stderr, done.stdout + done.stderr
    expected = PROGRAM.replace(", tf.float32", ", dtype=tf.float32").replace("\n", line_end)
    assert expected.encode() == file.read_bytes()
