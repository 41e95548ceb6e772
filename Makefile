# The two commands: `make demo` and `make test`. Both set up what they need first.
#
#   DISTRO=kilted        another ROS 2 than Jazzy (or than the one that is sourced)
#   PYTHON=python3.12    another Python than the first of 3.11 or 3.12 that is found
#   LOCK=ubuntu-24.04    test-core only: the versions of Ubuntu 24.04
#   ARGS="-k planner"    more arguments for pytest, or for the demo

DISTRO ?= $(or $(ROS_DISTRO),jazzy)
LOCK ?=
DEMO ?= demo
ARGS ?=

VENV := $(if $(filter jazzy,$(DISTRO)),.venv,.venv-$(DISTRO))
CORE_VENV := .venv-core$(if $(LOCK),-$(LOCK))
BOOTSTRAP := $(or $(PYTHON),python3) scripts/bootstrap.py
# In their order: the longest files have few tests and would come last otherwise.
PYTEST := -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile \
  --no-loadscope-reorder

# One machine's laboratory; and one thread a process, as tests run side by side.
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST
# Packages are compiled when first imported, not in every process anew.
unexport PYTHONDONTWRITEBYTECODE
test test-core: export OMP_NUM_THREADS = 1
test test-core: export OPENBLAS_NUM_THREADS = 1

.PHONY: help demo test test-core check format lock setup setup-core clean

help:
	@echo 'make demo        run a campaign on the emulated laboratory'
	@echo 'make test        run all tests'
	@echo 'make test-core   run the tests that need no ROS, without ROS'
	@echo 'make check       formatting, lint, types, import contracts, module length'
	@echo 'make format      format and fix what can be fixed'
	@echo 'make lock        pin the newest versions that requirements/*.in allow'
	@echo 'make clean       remove all that set-up and tools made; runs/ is kept'

demo: setup
	$(VENV)/bin/hp-lab $(DEMO) $(ARGS)

test: setup
	$(VENV)/bin/python $(PYTEST) $(ARGS)

# Without the ROS that may be sourced: what is tested is that none is needed.
test-core: setup-core
	env -u AMENT_PREFIX_PATH -u PYTHONPATH \
	  $(CORE_VENV)/bin/python $(PYTEST) -m 'not ros' $(ARGS)

check: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m pytest -q test/packaging/test_module_length.py

format: setup
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lock:
	python3 scripts/lock.py --upgrade --python python3.11 --python python3.12

setup:
	@$(BOOTSTRAP) --venv $(VENV) --distro $(DISTRO)

setup-core:
	@$(BOOTSTRAP) --venv $(CORE_VENV) --core --lock '$(LOCK)'

clean:
	rm -rf .venv .venv-* build install log dist *.egg-info .coverage .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
