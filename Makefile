# The commands of the course. `make` alone lists them; each one sets up .venv first, once.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

# What you may set: make test WORKERS=4
# PYTHON: the Python to build .venv with. CONSTRAINTS: a file of exact versions for `install`.
# EXTRAS: the extras of pyproject.toml for `install`.
# NB: notebooks for `execute`, `claims` and `bench`, all by default. SEEDS, JOBS: for `claims`.
# SECTIONS, QUALITY_SEEDS: for `bench`.
# ROUNDS: for `checks`. WORKERS: processes for tests. LAB_ARGS: more arguments for JupyterLab.
PYTHON ?=
CONSTRAINTS ?=
EXTRAS ?= lab,test,exercises
NB ?=
SEEDS ?= 0-9
JOBS ?= 2
ROUNDS ?= 50
WORKERS ?= 2
SECTIONS ?=
QUALITY_SEEDS ?= 0-1
LAB_ARGS ?=

# Several workers, each with a thread for every core, would fight over the cores.
ONE_THREAD := $(if $(filter-out 0 1,$(WORKERS)),OMP_NUM_THREADS=1 MKL_NUM_THREADS=1)
PYTEST = $(ONE_THREAD) $(PY) -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install lab test lint unit notebooks execute exercises checks claims bench minutes constraints clean always
.PHONY: doctor offline oldest colab colab-test browser

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv and install everything (CONSTRAINTS=constraints.txt: known versions)
	@echo "$(VENV) is ready."

lab: $(STAMP) ## open JupyterLab on the first chapter (LAB_ARGS=…)
	JUPYTER_CONFIG_PATH=jupyter_config $(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--notebook-dir=. $(LAB_ARGS) notebooks/00_start_here.ipynb

doctor: $(STAMP) ## say what is wrong with this computer, its Python or its packages, and what helps
	$(PY) -m course_lib.runtime

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

bench: $(STAMP) ## measure speed and memory, of every notebook too (SECTIONS=training QUALITY_SEEDS=0-1)
	$(PY) -m benchmarks.speed $(SECTIONS) --seeds $(QUALITY_SEEDS) $(if $(NB),--notebooks $(NB))
	$(PY) -m tools.fill_minutes

minutes: $(STAMP) ## fill the tables of minutes from what `make bench` measured
	$(PY) -m tools.fill_minutes

offline: $(STAMP) ## run every notebook and solution with the network switched off
	COURSE_DATA=$$(mktemp -d) PYTHONPATH=$(CURDIR)/tools/offline $(PYTEST) --nbval-lax --nbval-current-env \
		notebooks solutions

oldest: $(STAMP) ## test with the lowest versions that pyproject.toml allows, in .venv-oldest
	$(call need,$(OLDEST_PYTHON),3.10)
	$(PY) -m tools.write_constraints --floors dist/constraints-oldest.txt
	$(MAKE) unit notebooks VENV=.venv-oldest PYTHON=$(OLDEST_PYTHON) EXTRAS=lab,test \
		CONSTRAINTS=dist/constraints-oldest.txt

colab: $(STAMP) ## write dist/colab: each notebook in one file with all that it needs, for Google Colab
	$(PY) -m tools.make_colab

colab-test: colab .venv-colab/.installed ## run each of them alone, with Colab's versions, in .venv-colab (NB=dist/colab/…)
	$(ONE_THREAD) .venv-colab/bin/python -m tools.run_alone $(or $(NB),dist/colab)

browser: $(STAMP) ## move every slider in a real browser, Chromium (NB=notebooks/06_….ipynb)
	@$(PY) -c 'import playwright' 2> /dev/null || $(PY) -m pip install -e '.[browser]'
	@command -v chromium > /dev/null || command -v google-chrome > /dev/null || $(PY) -m playwright install chromium
	$(PY) -m tools.try_widgets $(NB)

constraints: $(STAMP) ## write constraints.txt from what is installed
	$(PY) -m tools.write_constraints

clean: ## remove caches and build products; .venv and data/ stay
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -path './.venv*' -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune \
		-exec rm -rf {} +

# Given CONSTRAINTS, pip always runs: it alone knows whether the versions are the wanted ones.
$(STAMP): pyproject.toml $(if $(CONSTRAINTS),$(CONSTRAINTS) always) | $(PY)
	@echo "Installing the course and its packages into $(VENV): minutes and gigabytes the first time."
	@$(PY) -m pip --version > /dev/null 2>&1 || $(PY) -m ensurepip
	$(PY) -m pip install $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[$(EXTRAS)]'
	@$(PY) -c 'import platform, torch, torchvision; print("Python", platform.python_version(), \
		"· torch", torch.__version__, "· torchvision", torchvision.__version__)' \
		|| { echo "torch and torchvision do not fit together: remove $(VENV) and try again." >&2; exit 1; }
	@touch $@

# A Python of one of these versions: on the PATH, or one of pyenv's.
python = $(shell for v in $(1); do for p in python$$v $(HOME)/.pyenv/versions/$$v.*/bin/python; do \
	$$p -c 'import venv' > /dev/null 2>&1 && echo $$p && exit; done; done)
need = @test -n "$(1)" || { echo "This needs Python $(2), and none was found." >&2; exit 1; }
OLDEST_PYTHON = $(call python,3.10)
COLAB_PYTHON = $(call python,3.13 3.12)

.venv-colab/.installed: constraints-colab.txt
	$(call need,$(COLAB_PYTHON),3.13 or 3.12)
	$(COLAB_PYTHON) -m venv --clear .venv-colab
	.venv-colab/bin/python -m pip install -r constraints-colab.txt
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
