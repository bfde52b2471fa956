#!/usr/bin/env bash
# Takes the pictures of the extension's README and walkthrough from the screenshots of the last `make test-vscode`.
set -euo pipefail
cd "$(dirname "$0")/.."

target=extension/media/pictures
rm -f "$target"/*.png
# Of the README, then of the walkthrough, which shows those of the theme.
for picture in {finding,probe,curves,model,own-data}-light probe-dark {hover,menu,verdict,network}-{light,dark}; do
    name=${picture%-*} theme=${picture##*-}
    cp "$(ls build/workbench/"$theme"-??-"$name".png)" "$target/$picture.png"
done
