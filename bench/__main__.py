"""Prints the tables of all benchmarks. Arguments: folders with programs of your own; the fixtures otherwise."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from bench import edits, speed, startup

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with TensorFlow programs")
    parser.add_argument("--files", type=int, default=200, help="how many files of the folders to take")
    parser.add_argument("--edits", type=int, default=edits.EDITS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("Cold processes (CPU, median)")
        measured = startup.measure(folder)
        base = measured[0][1]
        for what, seconds in measured:
            print(f"  {what:<55} {seconds * 1000:7.0f} ms   {seconds / base:5.2f} x")

        folders = options.folders or [ROOT / "fixtures"]
        files = speed.tensorflow_files([path.resolve() for path in folders], options.files)
        result = speed.measure(files, folder)
        print(f"\n{result['files']} TensorFlow files, {result['lines']} lines (whole process, one job, no cache)")
        ours = result["trainlint"]
        print(
            f"  trainlint  {ours:7.2f} CPU s   {result['files'] / ours:6.1f} files/s   "
            f"{result['trainlint memory']:5.0f} MB"
        )
        if "pylint" in result:
            theirs = result["pylint"]
            print(
                f"  pylint     {theirs:7.2f} CPU s   {result['files'] / theirs:6.1f} files/s   "
                f"{result['pylint memory']:5.0f} MB"
            )
            low, middle, high = result["ratios"][0], median(result["ratios"]), result["ratios"][-1]
            print(f"  trainlint checks {middle:.1f} times the files per CPU second ({low:.1f} to {high:.1f} by turn)")
        else:
            print("  pylint is not installed: no comparison")
        phases = result["phases"]
        if phases:
            total = phases["all"]
            parts = {
                "parse": phases["parse"],
                "scan, split, lower": phases["read"] - phases["parse"],
                "interpret": phases["interpret"],
                "rules": phases["rules"],
            }
            print("  where the time goes:")
            for what, seconds in parts.items():
                print(f"    {what:<20} {seconds * 1e6 / phases['lines']:6.0f} ms/kLOC   {100 * seconds / total:3.0f} %")
            print(
                f"  that is {total / phases['floor']:.2f} times libcst's parser on the {phases['texts']} texts "
                f"that were read, {total / phases['named floor']:.2f} times on the {result['files']} alone"
            )

    text = edits.long_program(ROOT / "fixtures")
    timing = edits.measure(text, count=options.edits)
    fresh = timing["fresh"][len(timing["fresh"]) // 2]
    again = timing["again"]
    print(
        f"\nOne edit in a file of {text.count(chr(10))} lines, {len(again)} places "
        f"(CPU, share of a fresh analysis of {fresh * 1000:.0f} ms)"
    )
    for label, value in (
        ("median", again[len(again) // 2]),
        ("95th percentile", again[int(len(again) * 0.95)]),
        ("worst", again[-1]),
    ):
        print(f"  {label:<16} {value * 1000:6.0f} ms   {value / fresh:5.2f}")


if __name__ == "__main__":
    main()
