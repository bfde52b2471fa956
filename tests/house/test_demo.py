"""What a newcomer sees first works."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not (ROOT / ".venv/bin/trainlint").exists(), reason="the demo uses the environment of `make setup`")
def test_the_demo_tells_every_story():
    """Each story is checked, its network is shown, and the correct programs have no warning and no error."""
    done = subprocess.run(["bash", "tools/demo.sh"], cwd=ROOT, capture_output=True, text=True, check=False)
    stories = [path for path in (ROOT / "fixtures/seeds").glob("*.py") if "repaired" not in path.name]

    assert (0, "") == (done.returncode, done.stderr)
    assert all(f"── fixtures/seeds/{path.name} ──" in done.stdout for path in stories)
