# Every command of the project.  Each sets up what it needs by itself:
# Python 3.11 or newer, Node 20 or newer and the package registries suffice.
#
#   make demo             a server, bots and their events, until Ctrl-C
#   make demo SECONDS=10  the same, ending by itself
#   make test             the whole suite; ARGS="-k engine" hands arguments to pytest
#   make check            what CI runs: the suite, then lint, types and floors
#   make docs             the documentation, into docs/_build/html
#   make release          the checklist of a release; uploads nothing
#   make bench            us beside our peers, about an hour; QUICK=1: two minutes

PYTHON ?= python3
VENV ?= .venv
SECONDS ?=
WORKERS ?=
ARGS ?=
COVERAGE ?= 99

BIN = $(VENV)/bin
NODE = tests/interop/servers/node
STAMPS = $(VENV)/.stamps

.PHONY: check test unit soak demo browser lint types floors guards cover rows rows-strict rows-table docs tables release node clean help \
  mutate bench bench-growth bench-micro

check: test guards

test: $(STAMPS)/dev $(NODE)/node_modules/.stamp browser
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

# Without Node: says in its summary what was left out.
unit: $(STAMPS)/dev browser
	$(BIN)/python -m pytest --no-node $(ARGS)

demo: $(STAMPS)/demo
	$(BIN)/twistd -n --pidfile= sioclient --demo $(if $(SECONDS),--seconds $(SECONDS))

# Fifty bots on three servers, ten minutes or SECONDS: nothing missed, memory flat.
soak: $(STAMPS)/dev $(NODE)/node_modules/.stamp
	PYTHONPATH=.:tests $(BIN)/python tests/soak/fiftybots.py $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(WORKERS),--workers $(WORKERS))

guards: lint types floors

lint: $(STAMPS)/dev
	$(BIN)/ruff check .

types: $(STAMPS)/dev
	$(BIN)/mypy

# Its cache does not notice a module that came into being.
floors: $(STAMPS)/dev
	$(BIN)/lint-imports --no-cache

# By the unit tests alone, all lines and branches.
cover: $(STAMPS)/dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term-missing:skip-covered \
	  --cov-fail-under=$(COVERAGE) --ignore tests/interop --ignore tests/test_benchmarks.py \
	  --ignore tests/test_packaging.py --ignore tests/test_leaks.py $(ARGS)

# Which rows of the behaviour and fault tables have a test, and which have none.
rows: $(STAMPS)/dev
	$(BIN)/python scripts/rows.py

rows-strict: $(STAMPS)/dev
	$(BIN)/python scripts/rows.py --strict

rows-table: $(STAMPS)/dev
	$(BIN)/python scripts/rows.py --strict --table docs/reference/rows.rst

# Prose by Sphinx, API by pydoctor beside it; a warning is an error.
docs: $(STAMPS)/docs
	$(BIN)/python scripts/tables.py --check
	$(BIN)/python scripts/lifecycle.py --check
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python scripts/apidocs.py docs/_build/html/api
	$(BIN)/python scripts/links.py docs/_build/html
	@echo "docs/_build/html/index.html"

# The tables of the reference pages and the drawings of the life cycle, made anew from the code.
tables: $(STAMPS)/dev
	$(BIN)/python scripts/tables.py
	$(BIN)/python scripts/lifecycle.py

release: $(STAMPS)/dev $(STAMPS)/docs
	$(BIN)/python scripts/release.py $(ARGS)

# Breaks the code in small ways: do the tests notice?  ARGS="engine --count 20 --seed 7"
mutate: $(STAMPS)/dev
	$(BIN)/python scripts/mutate.py $(ARGS)

node: $(NODE)/node_modules/.stamp

# The tests of the daemon's status page look at it in Chromium.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	  command -v $$name >/dev/null && exit 0; done; \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null; } || { \
	  echo "The tests of the status page need Chromium on PATH; please install it." >&2; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null

# Sets up python-socketio and Node's client under .make/bench and runs them beside us.
bench: SCRIPT = compare
bench-growth: SCRIPT = growth
bench-micro: SCRIPT = micro
bench bench-growth bench-micro:
	$(PYTHON) benchmarks/peers.py $(SCRIPT).py $(if $(QUICK),--quick) $(ARGS)

clean:
	rm -rf $(VENV) $(NODE)/node_modules build dist docs/_build *.egg-info .mypy_cache .ruff_cache .pytest_cache
	rm -rf .hypothesis .import_linter_cache .coverage

help:
	@sed -n '/^#   /s/^#//p' Makefile

# A folder without its stamp was begun and not finished: it is made anew.
$(STAMPS)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "txsocketio needs Python 3.11 or newer; '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 || true)." \
	    "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/demo: $(STAMPS)/made pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo]'
	touch $@

$(STAMPS)/dev: $(STAMPS)/made pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint,demo,msgpack,metrics,release]'
	touch $@ $(STAMPS)/demo

$(STAMPS)/docs: $(STAMPS)/made pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

$(NODE)/node_modules/.stamp: $(NODE)/package.json $(NODE)/package-lock.json
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null || { \
	  echo "The tests against the reference server need Node 20 or newer on PATH;" \
	    "found $$(node --version 2>/dev/null || echo none)." \
	    "'make unit' runs the tests that do without." >&2; exit 1; }
	npm ci --prefix $(NODE) --no-audit --no-fund --ignore-scripts
	touch $@
