# Two commands do everything on a fresh machine with Python 3.11 or newer: make demo, make test.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
REPORT ?= reports

# make demo TARGET=nvidia, or make demo BASE_URL=http://127.0.0.1:8000 DIALECT=nvidia [MODEL=...] [API_KEY_ENV=NAME]
DEMO_OPTIONS := $(if $(TARGET),--target "$(TARGET)") $(if $(BASE_URL),--base-url "$(BASE_URL)") \
	$(if $(DIALECT),--dialect "$(DIALECT)") $(if $(MODEL),--model "$(MODEL)") \
	$(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)")

.PHONY: help demo setup test format lint types unit suite clean

help:
	@echo "make demo     mock up, suite on it, 20 s of load on it, one report"
	@echo "              TARGET=nvidia|segmind|segmind-openai: a live endpoint, key from the environment"
	@echo "              BASE_URL=... DIALECT=... [MODEL=...] [API_KEY_ENV=...]: any other endpoint"
	@echo "make test     format, lint, types, unit tests, the suite on the mock, a short Locust run"
	@echo "make setup    the virtual environment .venv, everything pinned (the others call it)"
	@echo "make clean    remove .venv and reports"

setup: $(BIN)/.ready

# a stamp, so that the second call costs nothing; pip stays quiet unless something is wrong
$(BIN)/.ready: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,real]"
	@touch $@

demo: setup
	@$(BIN)/python examples/demo.py --report $(REPORT)/demo $(DEMO_OPTIONS)

test: setup format lint types unit suite

format:
	$(BIN)/ruff format --check --quiet .

lint:
	$(BIN)/ruff check --quiet .

types:
	$(BIN)/mypy

# four at a time whatever the machine: most of them wait for servers, and few of them compute
unit:
	$(BIN)/python -m pytest tests -q -n 4

suite:
	$(BIN)/python -m spec check
	$(BIN)/python -m pytest contract_tests -q --report $(REPORT)/contract

clean:
	rm -rf $(VENV) $(REPORT)
