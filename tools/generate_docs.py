"""Writes what the documentation takes from the program itself.

That is docs/rules/ (one page per rule and an index) and the example in README.md (a program and what `check` says).
With --check nothing is written, and the exit status is 1 if a file differs from what would be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from trainlint.report.rule_page import index, page
from trainlint.rules.registry import all_rules

ROOT = Path(__file__).parents[1]
RULES = ROOT / "docs" / "rules"
README = ROOT / "README.md"

EXAMPLE = re.compile(r"(<!-- example: (\S+) -->\n).*?(<!-- end of example -->)", re.DOTALL)


def files() -> dict[Path, str]:
    """The text of every generated file by its path."""
    rules = all_rules()
    texts = {RULES / f"{rule.name}.md": page(rule) for rule in rules}
    texts[RULES / "index.md"] = index(rules)
    texts[README] = EXAMPLE.sub(example, README.read_text("utf-8"))
    return texts


def example(match: re.Match[str]) -> str:
    """The program that the README names, and the output of a check of it."""
    path = ROOT / match[2]
    checked = subprocess.run(
        [sys.executable, "-m", "trainlint.cli.main", "check", "--isolated", path.name],
        cwd=path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if checked.returncode not in (0, 1):
        raise SystemExit(f"the example cannot be checked: {checked.stderr}")
    program = path.read_text("utf-8")
    output = f"$ trainlint check {path.name}\n{checked.stdout}"
    return f"{match[1]}```python\n{program}```\n\n```console\n{output}```\n{match[3]}"


def stale(texts: dict[Path, str]) -> list[Path]:
    """The files that are missing, differ, or belong to no rule."""
    differing = {path for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text}
    return sorted(differing | (set(RULES.glob("*.md")) - set(texts)))


def main() -> int:
    """Writes or checks the files; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the files are as they should be")
    check = parser.parse_args().check
    texts = files()
    changed = stale(texts)
    for path in changed:
        if check:
            print(f"{path.relative_to(ROOT)} is not what the program says; run `make format`")
        elif path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], "utf-8", newline="\n")
        else:
            path.unlink()
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
