# Two commands do everything on a fresh machine with Python 3.11 or newer: make demo, make test.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
REPORT ?= reports

# other people's clients, and Node for those that need it: what tests/clients drives
CLIENTS := .clients

# make demo TARGET=nvidia, or make demo BASE_URL=http://127.0.0.1:8000 DIALECT=nvidia [MODEL=...] [API_KEY_ENV=NAME]
DEMO_OPTIONS := $(if $(TARGET),--target "$(TARGET)") $(if $(BASE_URL),--base-url "$(BASE_URL)") \
	$(if $(DIALECT),--dialect "$(DIALECT)") $(if $(MODEL),--model "$(MODEL)") \
	$(if $(API_KEY_ENV),--api-key-env "$(API_KEY_ENV)")

# images for containers often forbid Python to keep what it compiled; the tests start a thousand processes of the same code
export PYTHONDONTWRITEBYTECODE :=

# what shows that the mock, its plugin and the suite work, wherever they run
MATTERS := tests/primitives tests/mock/timing tests/mock/http tests/mock/testing tests/test_pytest_plugin.py \
	tests/suite/test_run.py
FLOORS  := .floors
SBOM    := .sbom

.PHONY: help demo setup clients clients-or-skipped test checks format lint types unit suite floors portable licences sbom \
	hashes digest image clean

help:
	@echo "make demo     mock up, suite on it, 20 s of load on it, one report"
	@echo "              TARGET=nvidia|segmind|segmind-openai: a live endpoint, key from the environment"
	@echo "              BASE_URL=... DIALECT=... [MODEL=...] [API_KEY_ENV=...]: any other endpoint"
	@echo "make test     format, lint, types, the suite on the mock, unit tests, a short Locust run"
	@echo "make setup    the virtual environment .venv, everything pinned (the others call it)"
	@echo "make floors   the tests that matter, with the lowest versions that pyproject.toml admits, in .floors"
	@echo "make portable the tests that matter, without what only Linux has"
	@echo "make clients  other people's clients in .clients, everything pinned (make test calls it)"
	@echo "make licences the licences of what is installed, checked against a list"
	@echo "make sbom     what is installed, as CycloneDX in reports/sbom.json"
	@echo "make hashes   mock_server/requirements.txt anew: what the image installs, by the hash of each file"
	@echo "make digest   the base image of today in mock_server/Dockerfile, by its digest (needs docker)"
	@echo "make image    builds the image and runs the contract's lint in it (needs docker)"
	@echo "make clean    remove .venv, .clients and reports"

setup: $(BIN)/.ready

# a stamp, so that the second call costs nothing; pip stays quiet unless something is wrong
$(BIN)/.ready: pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,real]"
	@touch $@

clients: $(CLIENTS)/python.ready $(CLIENTS)/node.ready

# from wheels only: nothing of theirs is built or run here before a test does; Node comes as a wheel too
$(CLIENTS)/python.ready: tests/clients/python/requirements.txt
	@echo "setting up $(CLIENTS) (once, about a minute)"
	@$(PYTHON) -m venv --clear $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --only-binary :all: \
		-r tests/clients/python/requirements.txt
	@touch $@

$(CLIENTS)/node.ready: tests/clients/node/package.json $(CLIENTS)/python.ready
	@PATH="$(CURDIR)/$(CLIENTS)/bin:$$PATH" npm install --prefix tests/clients/node --ignore-scripts \
		--no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup
	@$(BIN)/python examples/demo.py --report $(REPORT)/demo $(DEMO_OPTIONS)

# while the clients are on their way, which is waiting for a network, the processor is free for the checks; the tests
# come last, because they end with what was skipped and what would run it
test: setup
	@$(MAKE) --no-print-directory --jobs=2 clients-or-skipped checks
	@$(MAKE) --no-print-directory suite unit

checks: format lint types

# who has no network has the other tests; what runs for everybody (ALL_CLIENTS=1) leaves none out
clients-or-skipped:
	@$(MAKE) --no-print-directory clients $(if $(ALL_CLIENTS),,|| echo "not all clients could be installed: tests of those that are missing will be skipped")

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

# exactly the lowest versions of what users install; with them the tools that the tests need
floors: setup
	@$(PYTHON) -m venv $(FLOORS)
	@$(BIN)/python -m tests.packaging.floors > $(FLOORS)/constraints.txt
	@$(FLOORS)/bin/python -m pip install --quiet --disable-pip-version-check -c $(FLOORS)/constraints.txt \
		-e ".[all]" mistral-common openai pytest-xdist respx
	$(FLOORS)/bin/python -m pytest -c tests/packaging/floors.ini --rootdir=. -q -n 4 $(MATTERS)

# no uvloop, no fork, no timers that are descriptors: what macOS and Windows have; the descriptors have tests of their own
portable: setup
	MIXTRAL_CONTRACT_PORTABLE=1 $(BIN)/python -m pytest -q -n 4 $(MATTERS) -k "not test_descriptor__"

licences: setup
	$(BIN)/python -m tests.packaging.licences

# CycloneDX; in an environment of its own, which is not among what it lists
sbom: setup
	@$(PYTHON) -m venv $(SBOM)
	@$(SBOM)/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	@mkdir -p $(REPORT)
	$(SBOM)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
		-o $(REPORT)/sbom.json $(BIN)/python

hashes: setup
	$(BIN)/python -m tests.packaging.hashes > $(REPORT).hashes && mv $(REPORT).hashes mock_server/requirements.txt

digest:
	docker pull --quiet python:3.12-slim
	sed -i "s#^FROM python[^ ]*#FROM python:3.12-slim@$$(docker inspect --format '{{index .RepoDigests 0}}' \
		python:3.12-slim | cut -d@ -f2)#" mock_server/Dockerfile

image:
	docker build -f mock_server/Dockerfile -t mixtral-contract .
	docker run --rm mixtral-contract python -m spec check
	docker run --rm mixtral-contract python -m mock_server --help > /dev/null

clean:
	rm -rf $(VENV) $(CLIENTS) $(FLOORS) $(SBOM) tests/clients/node/node_modules $(REPORT)
