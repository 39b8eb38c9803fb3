# Everything runs in .venv, made here; only Python 3.11 or newer and make are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-matrix lint types taxonomy audit pins model bench bench-long soak mutants fuzz clean

# A user's environment: the package alone.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e .
	touch $@

# A developer's: what the checks need too.
$(VENV)/developed: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/trackclf explain fixtures/demo.txt
	$(BIN)/trackclf tag fixtures/demo.txt

test: lint types taxonomy
	$(BIN)/python -m pytest

# The oldest dependencies that pyproject.toml allows, and the newest; TESTS=FILE runs a part.
.venv-%/developed: pyproject.toml $(VENV)/developed
	$(PYTHON) -m venv --clear .venv-$*
	$(BIN)/uv pip install --quiet --python .venv-$* --resolution $(RESOLUTION_$*) -e '.[dev,skos]'
	touch $@

.PRECIOUS: .venv-%/developed
RESOLUTION_oldest := lowest-direct
RESOLUTION_newest := highest

test-%: .venv-%/developed
	.venv-$*/bin/python -m pytest $(TESTS)

test-matrix: test-oldest test-newest

lint: $(VENV)/developed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/developed
	$(BIN)/mypy

taxonomy: $(VENV)/developed
	$(BIN)/trackclf taxonomy check

# The properties on thousands of examples each, then both ways of the tagger against the oracle; a quarter of an hour.
soak: $(VENV)/developed
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile soak
	$(BIN)/python tests/soak.py --seconds 400

# Known vulnerabilities of what is installed; asks a database on the network, so no part of the tests.
audit: $(VENV)/developed
	$(BIN)/uv tool run pip-audit --skip-editable --path $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# What .ci/run installs: the newest versions with their digests, for every system and Python.
pins: $(VENV)/developed
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command 'make pins' --extra dev pyproject.toml -o .ci/requirements.txt

# The shipped model, from a folder of text and labelled passages to choose thresholds on.
model: $(VENV)/developed
	$(BIN)/trackclf train --corpora $(CORPORA) --labelled fixtures/labelled/*.jsonl fixtures/readings.jsonl \
	  --thresholds $(THRESHOLDS) -o src/trackclf/model
	$(BIN)/python docs/render_model_card.py

# All benchmarks, in minutes; CORPUS=FILE takes JSON Lines of your own instead of generated text.
$(VENV)/benched: $(VENV)/installed
	$(BIN)/python -m pip install --quiet -e '.[bench]'
	touch $@

bench: $(VENV)/benched
	for name in speed rivals scaling memory jobs taxonomy_size; do \
	  $(BIN)/python benchmarks/$$name.py --json docs/benchmarks/$$name.jsonl $(if $(CORPUS),--corpus $(CORPUS)) || exit 1; \
	done
	$(BIN)/python benchmarks/startup.py --json docs/benchmarks/startup.jsonl
	$(BIN)/python docs/render_benchmarks.py

# Runs killed and resumed; half an hour, and 3 GB of disk.
bench-long: $(VENV)/benched
	$(BIN)/python benchmarks/long_run.py --json docs/benchmarks/long_run.jsonl
	$(BIN)/python docs/render_benchmarks.py

# Small changes to the core, one at a time, and the share that the tests notice: of a random sample, in half an hour.
# SAMPLE=NUMBER and SEED=NUMBER choose another; ALL=1 runs them all, in hours, and goes on where it was interrupted.
$(VENV)/mutating: $(VENV)/developed
	$(BIN)/python -m pip install --quiet -e '.[mutants]'
	touch $@

mutants: $(VENV)/mutating
	$(BIN)/python tests/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(ALL),--all)

# Coverage-guided fuzzing of all that reads: an hour in all, one process; SECONDS=N is for each target, TARGETS="html docx"
# runs some. Atheris has no wheels for every system and Python; nothing else needs it.
$(VENV)/fuzzed: $(VENV)/developed
	$(BIN)/python -m pip install --quiet -e '.[dev,fuzz]'
	touch $@

fuzz: $(VENV)/fuzzed
	$(BIN)/python tests/fuzz/run.py $(TARGETS) $(if $(SECONDS),--seconds $(SECONDS))

clean:
	rm -rf $(VENV) .venv-* .fuzz dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants
