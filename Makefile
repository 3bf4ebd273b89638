# What there is to run; each target sets up what it needs first.
#
#   make run     set up and run the policy service on its defaults, state in ./var
#   make test    set up and run all tests, those against real servers included
#   make unit    all tests that need no real servers, several at a time
#   make check   formatting, lint, types, layers
#   make demo    three attacks on a real Postfix, without and with mailseal
#   make bench   measure, as ratios within one run
#   make bench-long  a scan of a million names; about a quarter of an hour
#   make chaos   every misfortune under load, on real servers; takes about ten minutes
#   make fuzz    feed every parser noise for FUZZ_SECONDS each
#   make docs    write the generated reference pages anew
#   make lock    lock the dependencies anew
#   make package build the Debian package into dist/
#   make package-test  try it in a Debian root of its own; minutes, root
#   make install install below PREFIX (default /opt/mailseal), with the systemd unit

SHELL := /bin/sh
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PREFIX ?= /opt/mailseal
PACKAGE_PYTHON ?= /usr/bin/python3
UNITDIR ?= /etc/systemd/system
FUZZ_SECONDS ?= 60
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help run test unit check format demo bench bench-long chaos fuzz docs lock install package package-test clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

run: $(VENV)/run.stamp
	$(BIN)/mailseal serve --state-dir ./var

test: unit
	$(BIN)/python -m pytest tests/lab

# What one file's tests share is started once; the lab has the machine to itself. Twice as many at
# a time as processors are usual, since many tests wait; the order is that of tests/conftest.py.
unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder \
		--ignore=tests/lab

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

demo: $(VENV)/dev.stamp
	$(BIN)/python -m lab.demo

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench

bench-long: $(VENV)/dev.stamp
	$(BIN)/python -m bench scan_million

chaos: $(VENV)/dev.stamp
	$(BIN)/python -m lab.chaos

fuzz: $(VENV)/fuzz.stamp
	@for target in fuzz/fuzz_*.py; do \
		echo "$$target for $(FUZZ_SECONDS) s"; \
		$(BIN)/python $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 || exit 1; \
	done

docs: $(VENV)/dev.stamp
	$(BIN)/python -m mailseal.faces.reference docs/reference

lock: $(VENV)/dev.stamp
	tools/lock $(BIN)

install:
	tools/install "$(DESTDIR)" "$(PREFIX)" "$(UNITDIR)" "$(PYTHON)"

package: $(VENV)/run.stamp
	tools/package $(BIN) "$(PACKAGE_PYTHON)" dist

package-test: $(VENV)/dev.stamp
	tools/package-needs
	$(BIN)/python -m pytest packaging/debian

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

$(VENV)/made.stamp: tools/make-venv
	tools/make-venv "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/run.stamp: $(VENV)/made.stamp requirements.txt pyproject.toml
	@echo "installing mailseal and its libraries into $(VENV)"
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "installing what the tests need into $(VENV)"
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp requirements-fuzz.txt
	$(PIP) install --require-hashes -r requirements-fuzz.txt
	@touch $@
