VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

OLDEST := $(VENV)-oldest
OLDEST_PYTHON ?= python3.11

.PHONY: demo test test-slow test-oldest format docs serve-docs figures packaging bench clean

# A network learns a noisy teacher: training, laws, verdict and report, from nothing.
demo: $(VENV)/.installed
	$(BIN)/normlaws run teacher-mlp

# Lint, types, and the tests of a few seconds each; they build the docs and run most code in them.
test: $(VENV)/.installed-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -m "not slow"

# The others: killed and resumed studies, clusters, browsers, whole examples, whole pages.
test-slow: $(VENV)/.installed-test
	$(BIN)/pytest -m slow

# The same tests on the oldest Python and with every dependency at its declared floor.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/pytest -m "not slow"

# Wheel and sdist in environments of their own, every extra alone (about 7 GB of disk, for a while).
packaging: $(VENV)/.installed-test
	$(BIN)/pytest --numprocesses=0 tests/packaging

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.installed-test
	$(BIN)/mkdocs build --strict

serve-docs: $(VENV)/.installed-test
	$(BIN)/mkdocs serve

# The docs' own figures and the numbers beside them.
figures: $(VENV)/.installed-test
	$(BIN)/python docs/scripts/figures.py

bench: $(VENV)/.installed-test
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[torch]'
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.installed

$(OLDEST)/.installed: pyproject.toml tools/oldest.py
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python tools/oldest.py > $(OLDEST)/floors.txt
	$(OLDEST)/bin/pip install --quiet --requirement $(OLDEST)/floors.txt
	$(OLDEST)/bin/pip install --quiet --no-deps --editable .
	touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) $(OLDEST) build dist site
