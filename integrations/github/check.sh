#!/usr/bin/env bash
# Checks what a job is about, and leaves the reports and the exit status for the steps behind it.
# It ends with 0 whatever is found: what fails the job is decided at the end, when all have had their report.
set -uo pipefail

reports="$RUNNER_TEMP/trainlint-reports"
rm -rf "$reports"
mkdir -p "$reports"
trainlint="${TRAINLINT:-$RUNNER_TEMP/trainlint-environment/bin/trainlint}"

arguments=(check)
if [ -n "${TRAINLINT_BASELINE:-}" ]; then
    arguments+=(--baseline "$TRAINLINT_BASELINE")
fi
if [ "${TRAINLINT_SHOW_INFO:-false}" = true ]; then
    arguments+=(--show-info)
fi
more=()
while IFS= read -r line; do
    if [ -n "$line" ]; then
        more+=("$line")
    fi
done <<< "${TRAINLINT_ARGS:-}"

base="${TRAINLINT_DIFF_BASE:-auto}"
if [ "$base" = auto ]; then
    base=none
    if [ -n "${GITHUB_BASE_REF:-}" ]; then
        base="origin/$GITHUB_BASE_REF"
        # The usual checkout has one commit of one branch, and where a branch began takes the history of both.
        fetch=(git fetch --quiet --no-tags --no-recurse-submodules)
        if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
            fetch+=(--unshallow)
        fi
        "${fetch[@]}" origin "+refs/heads/$GITHUB_BASE_REF:refs/remotes/origin/$GITHUB_BASE_REF" ||
            echo "::warning title=trainlint::the history of $GITHUB_BASE_REF could not be fetched"
    fi
fi
# Words of the input, and no patterns for the shell to expand.
set -f

sarif="$reports/trainlint.sarif"
if [ "$base" != none ]; then
    # Code scanning compares by itself, and takes for repaired what an upload does not tell of any more.
    if [ "${TRAINLINT_UPLOAD_SARIF:-true}" = true ]; then
        # shellcheck disable=SC2086
        "$trainlint" "${arguments[@]}" ${more[@]+"${more[@]}"} --exit-zero --output-format "sarif=$sarif" -- \
            ${TRAINLINT_PATHS:-.} &> /dev/null
    fi
    arguments+=(--diff-base "$base")
fi
if [ ! -s "$sarif" ]; then
    arguments+=(--output-format "sarif=$sarif")
fi
case "${TRAINLINT_FAIL_ON:-warning}" in
    never) ;;
    *) arguments+=(--fail-on "$TRAINLINT_FAIL_ON") ;;
esac
if [ -n "${TRAINLINT_PROBE:-}" ]; then
    arguments+=(--probe "$TRAINLINT_PROBE")
    if [ -n "${TRAINLINT_PROBE_PYTHON:-}" ]; then
        arguments+=(--python "$TRAINLINT_PROBE_PYTHON")
    fi
fi

arguments+=(--output-format "markdown=$reports/summary.md")
# Comments of reviewdog and annotations would say everything twice.
if [ "${TRAINLINT_REVIEWDOG:-auto}" = auto ] && [ -n "${REVIEWDOG_GITHUB_API_TOKEN:-}" ] &&
    [ -n "${GITHUB_BASE_REF:-}" ] && command -v reviewdog > /dev/null; then
    arguments+=(--output-format text --output-format "rdjson=$reports/trainlint.rdjson")
    echo "rdjson=$reports/trainlint.rdjson" >> "$GITHUB_OUTPUT"
else
    arguments+=(--output-format github)
fi

# shellcheck disable=SC2086
FORCE_COLOR=1 "$trainlint" "${arguments[@]}" ${more[@]+"${more[@]}"} -- ${TRAINLINT_PATHS:-.}
status=$?

echo "status=$status" >> "$GITHUB_OUTPUT"
if [ -s "$sarif" ]; then
    echo "sarif=$sarif" >> "$GITHUB_OUTPUT"
fi
if [ "${TRAINLINT_SUMMARY:-true}" = true ] && [ -s "$reports/summary.md" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat "$reports/summary.md" >> "$GITHUB_STEP_SUMMARY"
fi
exit 0
