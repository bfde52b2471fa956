"""Writes docs/rules/ from the rules: one page per rule and an index.

With --check nothing is written, and the exit status is 1 if a page differs from what would be.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from trainlint.report.rule_page import index, page
from trainlint.rules.registry import all_rules

FOLDER = Path(__file__).parents[1] / "docs" / "rules"


def pages() -> dict[Path, str]:
    """The text of every page by its path."""
    rules = all_rules()
    texts = {FOLDER / f"{rule.name}.md": page(rule) for rule in rules}
    texts[FOLDER / "index.md"] = index(rules)
    return texts


def stale(texts: dict[Path, str]) -> list[Path]:
    """The pages that are missing, differ, or belong to no rule."""
    there = set(FOLDER.glob("*.md"))
    differing = {path for path, text in texts.items() if path not in there or path.read_text("utf-8") != text}
    return sorted(differing | (there - set(texts)))


def main() -> int:
    """Writes or checks the pages; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages are as they should be")
    check = parser.parse_args().check
    texts = pages()
    changed = stale(texts)
    for path in changed:
        if check:
            print(f"docs/rules/{path.name} is not what the rules say; run `make format`")
        elif path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], "utf-8", newline="\n")
        else:
            path.unlink()
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
