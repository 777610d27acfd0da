# The commands of the project. Everything is installed into .venv from lock files with hashes.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export WAREHOUSE_HOME ?= $(CURDIR)/data
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help install install-dev run serve test check bench sources lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/installed ## install the product (locked, hash-checked, byte-compiled)

$(VENV)/installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-deps --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q expectations pipelines dashboards
	@touch $@

install-dev: $(VENV)/installed-dev ## install what the tests need as well

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	$(PIP) install --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@

run: install ## set up the sample county if there is none, ingest, compute, publish, report
	@test -f $(WAREHOUSE_HOME)/county.yml || $(BIN)/warehouse generate
	$(BIN)/warehouse run

serve: install ## dashboards and Dagster on loopback
	$(BIN)/warehouse serve

test: install-dev ## lint, types, architecture and all tests
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n 2 --dist loadfile tests

check: install-dev ## lint, types and architecture only
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt/models dbt/tests

bench: install ## measure speed and memory
	$(BIN)/warehouse bench

sources: install ## renew the dbt sources and marts from contracts and measures
	$(BIN)/python -c "from pipelines.dbt_marts import write_derived; write_derived()"

lock: ## renew the lock files (needs uv)
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" --extra dev --constraint requirements.lock \
		pyproject.toml --output-file requirements-dev.lock

clean: ## remove the environment and caches, never data
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
