#!/usr/bin/env bash
# Fails the job for what was found, and always where something could not be checked.
set -euo pipefail

if [ "${STATUS:-2}" = 1 ] && [ "${FAIL_ON:-warning}" = never ]; then
    exit 0
fi
exit "${STATUS:-2}"
