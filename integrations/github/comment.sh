#!/usr/bin/env bash
# Comments on a pull request; with a token that may not write, as from a fork, reviewdog makes annotations of them.
set -euo pipefail

# What is new was decided by trainlint, which knows of causes on other lines than a comment's.
reviewdog -f=rdjson -name=trainlint -reporter=github-pr-review -filter-mode=diff_context -fail-level=none < "$RDJSON"
