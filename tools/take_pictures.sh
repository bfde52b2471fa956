#!/usr/bin/env bash
# Takes the pictures of the extension's README and walkthrough from the screenshots of the last `make test-vscode`.
set -euo pipefail
cd "$(dirname "$0")/.."

for theme in light dark; do
    for name in finding repair probe curves layers model; do
        cp "$(ls build/workbench/$theme-*-$name.png)" "extension/media/pictures/$name-$theme.png"
    done
done
