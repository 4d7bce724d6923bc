# Every target sets up .venv by itself when that is missing, incomplete or older than the lists it is made from.
# Another Python than python3: make PYTHON=/path/to/python3.12

PYTHON = python3
BIN = .venv/bin
# Whatever is started below finds this project's Python first.
RUN = PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m
SNAKEMAKE = $(RUN) snakemake --cores all

# Files of tests, two at once: many wait for processes of their own.
TWO_AT_ONCE = -n 2 --dist loadfile

# Nothing that is called here reports its use to anybody.
export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true

.DEFAULT_GOAL = help
.PHONY: help demo demo-real benchmark test test-all test-slurm mutants lint ui report clean

help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: .venv/.installed ## The whole pipeline on a small scale, from raw data to report (9 to 11 minutes on two cores)
	$(SNAKEMAKE) --configfile config/demo.yaml
	$(SNAKEMAKE) --configfile config/demo.yaml --report results/demo/report.html
	@$(RUN) pipeline_lib summary config/demo.yaml

demo-real: .venv/.installed ## Moving MNIST on a small scale with the real digits, downloaded or from a mirror folder
	$(SNAKEMAKE) --configfile config/demo_real.yaml
	$(SNAKEMAKE) --configfile config/demo_real.yaml --report results/demo_real/report.html
	@$(RUN) pipeline_lib summary config/demo_real.yaml

benchmark: .venv/.installed ## What every configuration takes on this machine (ONLY="wave_eq/pde --quick": of one, roughly)
	$(RUN) pipeline_lib benchmark --plain $(ONLY)

test: .venv/.installed ## The tests that take seconds
	$(RUN) pytest -q $(TWO_AT_ONCE)

test-all: .venv/.installed ## All tests, the slow ones too
	PIPELINE_EXAMPLES=100 $(RUN) pytest -q -m "not slurm" $(TWO_AT_ONCE)

test-slurm: .venv/.installed ## The tests on a SLURM of two nodes, which they set up where CI=true (as root, on Debian)
	$(RUN) pytest -q -m slurm tests/slurm

mutants: .venv/.installed ## Plant defects in a copy of the code, each noticed by a named test (ONLY="tau-off-by-one kl-sign": these)
	$(RUN) tests.mutants.run $(ONLY)

lint: .venv/.installed ## ruff, mypy and snakefmt
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) snakefmt --check --diff Snakefile workflow

ui: .venv/.installed ## Open the MLflow UI on this machine
	$(RUN) pipeline_lib ui

report: .venv/.installed ## Rebuild the report from the results that are there
	$(SNAKEMAKE) --report results/report.html

clean: ## Drop caches, and training states that no current configuration uses; results and data stay
	@if [ -e .venv/.installed ]; then $(RUN) pipeline_lib prune && $(RUN) pipeline_lib prune config/demo.yaml && $(RUN) pipeline_lib prune config/demo_real.yaml; fi
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	find . -path ./.venv -prune -o -path ./.git -prune -o -name __pycache__ -type d -exec rm -rf {} +

.venv/.installed: pyproject.toml constraints.txt
	@sh setup_venv.sh $(PYTHON)
