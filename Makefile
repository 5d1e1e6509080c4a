# `make demo` shows what it does; `make test` shows that it works. Both install what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo check test test-browser dev bench bench-quick lock clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Install everything into .venv, from the hashed lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# the lock's own uv installs the rest ten times faster than pip
	@awk '/^uv==/{on=1} on{print} on && /^    # via/{exit}' requirements.lock > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## Make the sample archive and everything for one good day
	$(BIN)/eo-assets materialize --region bucegi --date 2023-07-15 --catalog sample
	@echo
	@echo "Open the report:   outputs/bucegi/sentinel-2-l2a/2023-07-15/reports/report.html"
	@echo "Start the UI:      $(BIN)/eo-assets dev     then http://127.0.0.1:3000"

check: setup  ## Lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/dagster definitions validate -m eo_assets.definitions

# what starts processes of its own has the machine for itself; it is tried whatever failed before
test: check  ## All checks and tests that need no browser
	failed=0; \
	$(BIN)/pytest -n auto --maxprocesses 4 eo_assets_tests/unit eo_assets_tests/graph || failed=1; \
	$(BIN)/pytest -m "not browser" --ignore eo_assets_tests/unit --ignore eo_assets_tests/graph || failed=1; \
	exit $$failed

test-browser: setup  ## Drive the UI with Chromium
	$(BIN)/pytest -m browser

dev: setup  ## STAC API, Dask, Dagster's UI and daemon; Ctrl-C stops all
	$(BIN)/eo-assets dev

PEERS := .venv-peers

$(PEERS)/.installed: benchmarks/peers.txt | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python -r benchmarks/peers.txt
	@touch $@

bench: setup $(PEERS)/.installed  ## Measure against the limit and the peers; writes docs/benchmarks.md
	$(BIN)/python benchmarks/run.py --peers $(PEERS)/bin/python

bench-quick: setup $(PEERS)/.installed  ## The same for a first impression; writes nothing
	$(BIN)/python benchmarks/run.py --quick --peers $(PEERS)/bin/python

lock: setup  ## Resolve the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header -o requirements.lock

clean:  ## Remove what was installed and made; products in outputs/ stay
	rm -rf $(VENV) .eo_assets .dagster .mypy_cache .ruff_cache .pytest_cache .hypothesis
