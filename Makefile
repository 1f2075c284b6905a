# The commands of the course. `make` alone lists them; each one sets up .venv first, once.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# What you may set: make test WORKERS=4
# PYTHON: the Python to build .venv with. CONSTRAINTS: a file of exact versions for `install`.
# NB: notebooks for `execute` and `claims`, all by default. SEEDS, JOBS: for `claims`.
# ROUNDS: for `checks`. WORKERS: processes for tests. LAB_ARGS: more arguments for JupyterLab.
PYTHON ?=
CONSTRAINTS ?=
NB ?=
SEEDS ?= 0-9
JOBS ?= 2
ROUNDS ?= 50
WORKERS ?= 2
LAB_ARGS ?=

# Several workers, each with a thread for every core, would fight over the cores.
ONE_THREAD := $(if $(filter-out 0 1,$(WORKERS)),OMP_NUM_THREADS=1 MKL_NUM_THREADS=1)
PYTEST = $(ONE_THREAD) $(PY) -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install lab test lint unit notebooks execute exercises checks claims constraints clean always

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install everything (CONSTRAINTS=constraints.txt: known versions)
	@echo "$(VENV) is ready."

lab: $(STAMP) ## open JupyterLab on the first chapter (LAB_ARGS=…)
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) --notebook-dir=. $(LAB_ARGS) \
		notebooks/00_start_here.ipynb

test: lint unit notebooks ## everything that CI runs: lint, unit, notebooks
	@echo "All of lint, unit tests and notebooks passed."

lint: $(STAMP) ## check the style with ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

unit: $(STAMP) ## test the library, the tools and the notebooks as documents
	$(PYTEST) tests

notebooks: $(STAMP) ## run every notebook, solutions too, and compare the checked outputs
	$(PYTEST) --nbval-lax --nbval-current-env notebooks solutions

execute: $(STAMP) ## run notebooks and rewrite them in place (NB=notebooks/02_….ipynb)
	$(PY) -m tools.execute_notebooks $(NB)

exercises: $(STAMP) ## write exercises/ from solutions/
	$(PY) -m tools.make_exercises

checks: $(STAMP) ## test the checks of the exercises with many random inputs (ROUNDS=50)
	ROUNDS=$(ROUNDS) $(PYTEST) tests/test_checks.py --dist load

claims: $(STAMP) ## check the claims of the chapters over seeds (SEEDS=0-9 NB=… JOBS=2)
	$(PY) -m benchmarks.claims --seeds $(SEEDS) --jobs $(JOBS) $(NB)

constraints: $(STAMP) ## write constraints.txt from what is installed
	$(PY) -m tools.write_constraints

clean: ## remove caches and build products; .venv and data/ stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune \
		-exec rm -rf {} +

# Given CONSTRAINTS, pip always runs: it alone knows whether the versions are the wanted ones.
$(STAMP): pyproject.toml $(if $(CONSTRAINTS),$(CONSTRAINTS) always) | $(PY)
	@echo "Installing the course and its packages into $(VENV): minutes and gigabytes the first time."
	@$(PY) -m pip --version > /dev/null 2>&1 || $(PY) -m ensurepip
	$(PY) -m pip install $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[lab,test]'
	@$(PY) -c 'import platform, torch, torchvision; print("Python", platform.python_version(), \
		"· torch", torch.__version__, "· torchvision", torchvision.__version__)' \
		|| { echo "torch and torchvision do not fit together: remove $(VENV) and try again." >&2; exit 1; }
	@touch $@

$(PY):
	@for python in $(PYTHON) python3 python python3.14 python3.13 python3.12 python3.11 python3.10; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' > /dev/null 2>&1; then \
			echo "Creating $(VENV) with $$($$python --version)."; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "The course needs Python 3.10 or newer, and none was found. Install one from" \
		"https://www.python.org, or name yours: make install PYTHON=/path/to/python3" >&2; \
	exit 1
