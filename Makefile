# The commands for learners and teachers. `make` alone lists them; each one that needs .venv sets it up first, once.
# Those for maintainers are in noxfile.py.

PY := .venv/bin/python
STAMP := .venv/.installed

# What you may set: make install PYTHON=/opt/python3.12/bin/python3
# PYTHON: the Python to build .venv with. CONSTRAINTS: a file of exact versions for `install`.
# LAB_ARGS: more arguments for JupyterLab. NB: the number of a chapter. FROM: what learners handed in. JOBS: submissions at a time.
PYTHON ?=
CONSTRAINTS ?=
LAB_ARGS ?=
NB ?=
FROM ?=
JOBS ?=

.DEFAULT_GOAL := help
.PHONY: help install lab doctor test colab site site-serve slides assignment grade clean always

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## create .venv and install everything (CONSTRAINTS=constraints.txt: known versions)
	@echo ".venv is ready."

lab: $(STAMP) ## open JupyterLab on the first chapter (LAB_ARGS=…)
	JUPYTER_CONFIG_PATH=jupyter_config $(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) \
		--notebook-dir=. $(LAB_ARGS) notebooks/00_start_here.ipynb

doctor: $(STAMP) ## say what is wrong with this computer, its Python or its packages, and what helps
	$(PY) -m course_lib.doctor

test: $(STAMP) ## style, tests, every notebook and solution
	$(PY) -m nox

colab: $(STAMP) ## write dist/colab: each notebook in one file with all that it needs, for Google Colab
	$(PY) -m tools.make_colab

site: $(STAMP) ## build the book into dist/site (needs Python 3.11; Node.js for the playground)
	$(PY) tools/install.py -e '.[site]'
	$(PY) -m tools.site

site-serve: $(STAMP) ## build the book and show it on http://localhost:8000
	$(PY) tools/install.py -e '.[site]'
	$(PY) -m tools.site --serve

slides: $(STAMP) ## for teachers: write dist/slides, slides that need no network (NB=02: of one chapter)
	$(PY) tools/install.py -e '.[slides]'
	$(PY) -m tools.slides $(NB)

assignment: $(STAMP) ## for teachers: write an assignment without answers (NB=02)
	$(PY) -m tools.grading.assignment "$(NB)"

grade: $(STAMP) ## for teachers: points and feedback for what was handed in (NB=02 FROM=folder-or-zip)
	$(PY) -m tools.grading.grade "$(NB)" "$(FROM)" $(if $(JOBS),--jobs $(JOBS))

clean: ## remove caches and build products; .venv, node_modules and data/ stay
	rm -rf build dist site/playground/dist .nox *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# Given CONSTRAINTS, pip always runs: it alone knows whether the versions are the wanted ones.
$(STAMP): pyproject.toml $(if $(CONSTRAINTS),$(CONSTRAINTS) always) | $(PY)
	@echo "Installing the course and its packages into .venv: this takes minutes the first time."
	@$(PY) -m pip --version > /dev/null 2>&1 || $(PY) -m ensurepip
	$(PY) tools/install.py $(if $(CONSTRAINTS),-c $(CONSTRAINTS)) -e '.[lab,test,exercises]'
	@$(PY) -c 'import platform, torch, torchvision; print("Python", platform.python_version(), \
		"torch", torch.__version__, "torchvision", torchvision.__version__)' \
		|| { echo "torch and torchvision do not fit together: remove .venv and try again." >&2; exit 1; }
	@touch $@

$(PY):
	@for python in $(PYTHON) python3 python python3.14 python3.13 python3.12 python3.11 python3.10; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' > /dev/null 2>&1; then \
			echo "Creating .venv with $$($$python --version)."; \
			exec $$python -m venv --clear .venv; \
		fi; \
	done; \
	echo "The course needs Python 3.10 or newer, and none was found. Install one from" \
		"https://www.python.org, or name yours: make install PYTHON=/path/to/python3" >&2; \
	exit 1
