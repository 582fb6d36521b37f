# Two commands: `make run` starts AuditStream, `make test` checks everything.
# Every installation step is here: Debian, PyPI and npm packages by name, nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?=
LISTEN ?=
UPSTREAM ?=
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: run install test lint types imports tests soak fuzz model bench-tap bench-redaction docs clean help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed ## make the environment in .venv

# What is not given here comes from AUDITSTREAM_... variables or auditstream.toml, else the defaults.
run: $(VENV)/.installed ## start everything; UPSTREAM=https://... for a real gateway
	@$(BIN)/auditstream up \
	  $(if $(strip $(UPSTREAM)),--upstream '$(UPSTREAM)',--demo-unless-upstream) \
	  $(if $(strip $(LISTEN)),--listen '$(LISTEN)') $(if $(strip $(DATA)),--data '$(DATA)')

# At once, as far as one does not need the other: installing waits for networks, and the type checker
# uses one core. What `make -j` started goes on to its end where another part fails.
test: ## lint, types, import contracts and all tests
	@$(MAKE) --no-print-directory -j 3 lint types imports tests

lint: $(VENV)/.tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.tested
	$(BIN)/mypy

imports: $(VENV)/.tested
	$(BIN)/lint-imports

bench-tap: $(VENV)/.tested ## the tap beside nginx: CPU, delay, memory (apt-get install nginx-light)
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || \
	  { echo 'nginx is missing: apt-get install nginx-light' >&2; exit 1; }
	$(BIN)/python -m bench.tap.run $(SCENARIOS)

# SETS are files of lines {"text", "spans": [[start, end, type]]}, measured too.
bench-redaction: $(VENV)/.tested ## redaction beside stock Presidio: what is found, and how fast
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.redaction.run $(SETS)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m bench.redaction.quality

# One process more than there are cores, since many tests wait; the longest files come first.
tests: $(VENV)/.tested $(VENV)/.emulators $(VENV)/.packages
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# AUDITSTREAM_SOAK_SECONDS and AUDITSTREAM_SOAK_SEED say how long and from which seed;
# AUDITSTREAM_SOAK_ENGINE=azure puts the system on the emulators of Azure's services.
soak: $(VENV)/.tested $(if $(filter azure,$(AUDITSTREAM_SOAK_ENGINE)),$(VENV)/.emulators)
soak: ## half an hour of random faults over the whole running system
	$(BIN)/python -m tests.faults.soak

# What breaks a target is left in .fuzz; tests/fuzz/run.py says what to do with it.
fuzz: export FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.fuzzed ## hostile bytes, guided by coverage, for FUZZ_SECONDS (600) a target
	$(BIN)/python -m tests.fuzz.run fuzz_sse
	$(BIN)/python -m tests.fuzz.run fuzz_dialects

# CORPORA may name a folder of labelled .jsonl files; docs/model-card.md says which were used.
model: $(VENV)/.trained ## train the model that ships anew (half an hour and more of one core)
	PYTHONHASHSEED=0 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m training.train --out redaction/model \
	  $(if $(strip $(CORPORA)),--corpora '$(CORPORA)')

docs: $(VENV)/.installed ## write docs/reference.md anew from the code
	@mkdir -p docs
	$(BIN)/auditstream reference > docs/reference.md

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .fuzz

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'AuditStream needs Python 3.11 or later; set PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo 'the venv module is missing: apt-get install python3-venv' >&2; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'installing into $(VENV) ...'
	@$(PIP) -e '.[parquet]'
	@touch $@

# In one go: what is installed twice is looked up and built twice.
$(VENV)/.tested: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'installing into $(VENV) ...'
	@$(PIP) -e '.[parquet,test]'
	@touch $(VENV)/.installed $@

# What the tests speak to in place of Azure's services, as tests/emulators/package-lock.json has it:
# without a lock a release of any of some hundred packages could break an install.
$(VENV)/.emulators: $(VENV)/bin/python tests/emulators/package-lock.json
	@echo 'installing emulators into $(VENV)/node ...'
	@command -v npm >/dev/null || { echo 'npm is missing: apt-get install npm' >&2; exit 1; }
	@mkdir -p $(VENV)/node && cp tests/emulators/package.json tests/emulators/package-lock.json $(VENV)/node
	@npm ci --prefix $(VENV)/node --silent --no-audit --no-fund
	@touch $@

# Debian packages: nginx to compare the tap with, Chromium to read pages in. Where they cannot be
# installed the tests that need them are skipped.
$(VENV)/.packages: $(VENV)/bin/python
	@PATH="$$PATH:/usr/sbin"; command -v nginx >/dev/null && command -v chromium >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y nginx-light chromium >/dev/null; } || \
	  echo 'some tests are skipped without: apt-get install nginx-light chromium'
	@touch $@

$(VENV)/.trained: $(VENV)/.tested
	@$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.fuzzed: $(VENV)/.tested
	@$(PIP) -e '.[fuzz]'
	@touch $@
