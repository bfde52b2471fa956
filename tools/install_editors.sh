#!/usr/bin/env bash
# Installs the editors that tests/editors drives, where they are missing: Neovim and Emacs with eglot, from Debian.
set -euo pipefail

packages=()
command -v nvim >/dev/null || packages+=(neovim)
command -v emacs >/dev/null || packages+=(emacs-nox)
emacs -Q --batch --eval '(setq load-path (append load-path (directory-files "/usr/share/emacs/site-lisp/elpa" t "^eglot")))' \
    --eval '(require (quote eglot))' 2>/dev/null || packages+=(elpa-eglot)
if [ "${#packages[@]}" -eq 0 ]; then exit 0; fi
if ! command -v apt-get >/dev/null; then
    echo "Install these to test the server in editors: ${packages[*]}" >&2
    exit 1
fi

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

for attempt in 1 2 3; do
    if as_root apt-get update --quiet && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet --yes --no-install-recommends "${packages[@]}"; then
        exit 0
    fi
    echo "attempt $attempt failed" >&2
    sleep $((attempt * 10))
done
exit 1
