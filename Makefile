# Four commands, each one line. All of them first install what they need into .venv, from the hash-pinned
# requirements.lock, and only when that or pyproject.toml has changed. Nothing outside this folder is touched.
PYTHON ?= python3
BIN := .venv/bin
# two more than there are cores: many tests only wait, for a process or a browser
WORKERS = $(shell $(PYTHON) -c "import os; print(2 + (os.cpu_count() or 1))")
# whoever switches it off has every test file compiled by every worker, again at each run: half a minute of a core
unexport PYTHONDONTWRITEBYTECODE
.PHONY: demo test check bench install

demo: install ; @$(BIN)/pointman demo $(ARGS)
test: install ; $(BIN)/pytest -n $(WORKERS) --dist worksteal --cov $(ARGS)
check: install ; $(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports --no-logo && $(BIN)/python .ci/addresses.py
bench: install ; @missed=0; for each in bench/*.py; do $(BIN)/python "$$each" || missed=1; done; exit $$missed

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Pointman needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirements requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
