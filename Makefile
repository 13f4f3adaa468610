# Each target is one plain command; `make help` lists them.
PROFILE ?= default
JOBS ?=
STAGES ?=
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup study test real lab book bench lint lock clean-notebooks doctor

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(BIN)/.synced ## make .venv from requirements.lock

$(BIN)/.synced: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "satsr: $$($(PYTHON) --version), expected Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@# every stage is a process of its own, which compiles what it imports where no bytecode may be written
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	@touch $@

study: setup ## run the study and build its book (PROFILE=default JOBS=one for every core STAGES=all)
	$(BIN)/satsr study $(STAGES) --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS))

test: setup lint ## lint, all tests, the tiny pipeline
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

real: setup ## the study on real images, and the trained models on real pairs
	$(BIN)/satsr study --profile real $(if $(JOBS),--jobs $(JOBS))

lab: setup ## open the notebooks in JupyterLab, where a save keeps no outputs
	JUPYTER_CONFIG_PATH="$(CURDIR)/.jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" $(BIN)/jupyter lab

book: setup ## build the book from the last run
	$(BIN)/satsr book

bench: setup ## measure speed, as ratios in one run
	$(BIN)/python -m benchmarks

doctor: setup ## what is installed, what the machine can do, which data are there
	$(BIN)/satsr doctor

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: ## resolve requirements.lock and environment.yml anew from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --extra dev --no-emit-index-url --no-header --quiet --upgrade -o requirements.lock pyproject.toml
	$(BIN)/python -m tests.pipeline.environment_file

clean-notebooks: setup ## bring the notebooks into their canonical form
	$(BIN)/ruff format notebooks
	$(BIN)/python -m satsr.pipeline.notebook clean notebooks/*.ipynb
