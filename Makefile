# Verbs: demo, test, check, bench (make bench ingest: one of them), chaos. Everything they need is made on first use; on a Debian machine as
# root, `make test` also gets Mosquitto, Chromium and a TimescaleDB (tests/parts/setup).

PYTHON ?= python3
BIN := .venv/bin
BENCHES := kernels engine kitchens examination latency rightness ingest alternatives score history
MINUTES ?= 1
CONSOLE_SOURCES := $(shell find api/console -path api/console/node_modules -prune -o -type f -print 2>/dev/null)

.DELETE_ON_ERROR:
.PHONY: demo test check bench chaos parts console $(BENCHES)

demo: .venv/.compiled api/web/index.html
	@exec $(BIN)/fleetfume demo

test: .venv/.compiled api/web/index.html parts
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: .venv/.made api/console/node_modules/.made
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(abspath $(BIN)):$$PATH" npm --prefix api/console run check

bench: .venv/.compiled api/web/index.html parts
	for name in $(or $(filter $(BENCHES),$(MAKECMDGOALS)),$(BENCHES)); do $(BIN)/python -m benchmarks.$$name || exit 1; done

$(BENCHES): # `make bench rightness` runs that one
	@:

chaos: .venv/.compiled parts
	$(BIN)/python -m tests.faults --minutes $(MINUTES)

parts:
	tests/parts/setup

console: api/web/index.html

.venv/.made: requirements.lock requirements-node.lock pyproject.toml
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "fleetfume needs Python 3.11 or newer with venv: apt install python3-venv, or make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@# The console is built with Node 20 or newer; a machine without one gets it as a wheel.
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' 2>/dev/null && npm --version >/dev/null 2>&1 || \
		$(BIN)/pip install --quiet --require-hashes -r requirements-node.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# The engine's code, compiled once before several processes want it at the same time. numba looks at dates, so does this.
.venv/.compiled: .venv/.made $(shell find analytics -name '*.py' 2>/dev/null) ingest/warming.py
	@echo "compiling the engine"
	@$(BIN)/python -m ingest.warming
	@touch $@

api/console/node_modules/.made: api/console/package-lock.json | .venv/.made
	PATH="$(abspath $(BIN)):$$PATH" npm --prefix api/console ci --no-audit --no-fund --loglevel=error
	touch $@

api/web/index.html: api/console/node_modules/.made $(CONSOLE_SOURCES) $(wildcard alerts/labels.json)
	PATH="$(abspath $(BIN)):$$PATH" npm --prefix api/console run build --silent
	@test -f $@ && touch $@
