#!/usr/bin/env bash
# Shows what trainlint finds in the programs of fixtures/: first the mistakes, then the repaired and correct programs.
set -euo pipefail
cd "$(dirname "$0")/.."
trainlint=.venv/bin/trainlint

title() { printf '\n── %s ──\n\n' "$1"; }

# 1 means that something was found, which is the point, and 0 that it was an info only; anything else is a failure.
found() {
    local status=0
    "$trainlint" check "$@" || status=$?
    [ "$status" -le 1 ]
}

mapfile -t stories < <(find fixtures/seeds -name '*.py' ! -name '*_repaired.py' | sort)
mapfile -t repaired < <(find fixtures/seeds -name '*_repaired.py' | sort)

for story in "${stories[@]}"; do
    title "$story"
    found "$story"
done

title "What trainlint read out of ${stories[-1]}"
"$trainlint" model "${stories[-1]}"

title "The same programs repaired, and correct programs: no warning and no error"
"$trainlint" check --output-format concise "${repaired[@]}" fixtures/good

# Where `make demo` has put TensorFlow; the tests of the stories do without.
backend=.venv-tensorflow/bin/python
if [ -x "$backend" ] && [ -e .venv-tensorflow/installed ]; then
    title "Which of the findings in seed 003 matter: measured by short trainings on synthetic data"
    measured=0
    "$trainlint" probe fixtures/seeds/seed003_always_half.py --python "$backend" --device cpu || measured=$?
    [ "$measured" -eq 1 ]
fi
