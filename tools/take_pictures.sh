#!/usr/bin/env bash
# Takes the pictures of the extension's README and walkthrough from the screenshots of the last `make test-vscode`.
set -euo pipefail
cd "$(dirname "$0")/.."

for picture in finding-light repair-light probe-light probe-dark curves-light model-light; do
    cp "$(ls build/workbench/"${picture#*-}"-*-"${picture%-*}".png)" "extension/media/pictures/$picture.png"
done
