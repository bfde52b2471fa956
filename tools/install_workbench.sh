#!/usr/bin/env bash
# Installs a real VS Code workbench from the contents of npm packages: code-server, and a browser from Debian to drive it.
# usage: tools/install_workbench.sh FOLDER NODE_ENVIRONMENT PYTHON
# Beside it lies an environment with old versions of what the bundled server brings: tests run the server in it.
set -euo pipefail

version=4.139.1
folder=${1:?usage: tools/install_workbench.sh FOLDER NODE_ENVIRONMENT PYTHON}
environment=$(cd "$2" && pwd)
python=$(cd "$(dirname "$3")" && pwd)/$(basename "$3")
lock=$PWD/requirements/clashing.lock
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

retry() {
    for attempt in 1 2 3; do
        "$@" && return 0
        echo "attempt $attempt failed: $*" >&2
        sleep $((attempt * 10))
    done
    return 1
}

# A browser, a font that it needs, and a compiler for two modules that come as sources.
missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v c++ >/dev/null || missing+=(g++)
if [ "${#missing[@]}" -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "Install these to test the extension: ${missing[*]}" >&2
        exit 1
    fi
    retry as_root apt-get update --quiet
    retry as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
fi

export PATH=$environment/bin:$PATH
# The wheel of Node has its headers as well; those of another version would make modules that cannot be loaded.
npm_config_nodedir=$(cd "$(dirname "$(readlink -f "$environment/bin/node")")/.." && pwd)
export npm_config_nodedir npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false

server=$folder/code-server
rm -rf "$server"
mkdir -p "$server"
cd "$server"
retry npm pack --silent "code-server@$version"
tar xzf "code-server-$version.tgz" --strip-components=1
rm "code-server-$version.tgz"
retry npm ci --silent --omit=dev --ignore-scripts
cd lib/vscode
# The lock of this folder lacks a package, so `npm ci` refuses it.
retry npm install --silent --omit=dev --ignore-scripts --no-save
npm rebuild --silent --foreground-scripts @vscode/spdlog node-pty @vscode/native-watchdog @parcel/watcher
ln -sf code-linux.sh bin/remote-cli/code-server
ln -sf browser-linux.sh bin/helpers/browser.sh
(cd extensions && retry npm ci --silent --omit=dev --ignore-scripts)

mkdir -p "$folder/node/bin"
ln -sf "$(readlink -f "$environment/bin/node")" "$folder/node/bin/node"
"$folder/node/bin/node" "$server/out/node/entry.js" --version

"$python" -m venv --clear "$folder/clashing"
retry "$folder/clashing/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes \
    --requirement "$lock"
