#!/usr/bin/env bash
# Installs trainlint into an environment of its own, so that nothing of the job's own Python changes.
set -euo pipefail

environment="$RUNNER_TEMP/trainlint-environment"
"$TRAINLINT_PYTHON" -m venv "$environment"
"$environment/bin/python" -m pip --disable-pip-version-check install --quiet "${TRAINLINT_VERSION:-$ACTION_PATH}"
"$environment/bin/trainlint" --version
