# make demo     install into .venv, play the quick validation on the bundled cartridge, write demo/report.html
# make test     install into .venv, run the tests of every package: eight minutes
# make test-all these and all others, what CI runs: half an hour
# make test-long what takes hours: many random settings, a soak of half an hour
# make test-base the theory side's tests with the base package alone (PYTHON=/path/to/python3.13 for another Python)
# make test-lowest the parallel part of make test with the lowest versions that pyproject.toml allows (PYTHON=/path/to/python3.11)
# make lint     style, types, the import contracts, the language of the documentation and docstrings
# make figures  the paper's figures, into figures/
# make docs     the documentation, into docs/_build/html
# make bench    the benchmarks
# make soak     thirty minutes of sixteen workers and a learner under changing load: ends with 1 if memory, descriptors or segments grow
# make rom      the cartridges from their C sources (needs SDCC)
.PHONY: demo test test-all test-long test-base test-lowest lint figures docs bench soak rom clean

PYTHON ?= python3
BIN := .venv/bin
# Runs a command, and prints every twenty seconds that it is still running.
PATIENTLY := sh -c 'while sleep 20 >/dev/null 2>&1; do echo "... still running"; done & beat=$$!; "$$@"; status=$$?; kill $$beat; exit $$status' --
INSTALL := $(PATIENTLY) $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
BENCHMARKS := $(subst /,.,$(basename $(wildcard tests/benchmarks/benchmark_*.py)))
export OMP_NUM_THREADS ?= 1

# The stamps make a second call install nothing; they are older than a changed pyproject.toml or constraints.txt.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "regretlab needs Python 3.11 or later; " + sys.executable + " is " + sys.version.split()[0] + ": call make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) -e '.[play,dev]'
	$(INSTALL) --no-deps openpi-client  # for tests; its own metadata pin NumPy below 2, which it does not need
	@touch $@

.venv/installed-docs: .venv/installed
	$(INSTALL) -e '.[docs]'
	@touch $@

demo: .venv/installed
	rm -rf demo
	$(BIN)/regretlab validate --quick --out demo
	@echo "Open $(CURDIR)/demo/report.html"

# Tests that play in real time mostly wait, so three of them share the cores, but nothing that computes runs next to them;
# a cluster of two nodes needs both cores for itself.
PYTEST := $(BIN)/python -m pytest -q
OTHERS := realtime or cluster or learning or figures or docs or browser or thorough or long
test: .venv/installed
	@status=0; \
	$(PYTEST) -n 3 --dist loadgroup -m smoke tests/play || status=1; \
	$(PYTEST) -n 2 --dist loadgroup -m "not ($(OTHERS))" || status=1; \
	exit $$status

test-all: .venv/installed
	@status=0; \
	$(MAKE) --no-print-directory test || status=1; \
	$(PYTEST) -n 2 --dist loadgroup -m "($(OTHERS)) and not (realtime or cluster or long)" || status=1; \
	$(PYTEST) -n 3 -m "realtime and not (cluster or smoke or long)" tests || status=1; \
	$(PYTEST) -m "cluster and not long" tests || status=1; \
	exit $$status

test-long: .venv/installed
	$(PYTEST) -m long

# Each makes an environment of its own.
THEORY_TESTS := $(addprefix tests/,theory rules mdp simulation planning plots test_laws.py test_law_fitting.py) \
	tests/contracts/test_base_alone.py
test-base:
	rm -rf .venv-$@
	$(PYTHON) -m venv .venv-$@
	.venv-$@/bin/python -m pip install --quiet -e . 'pytest<9.2' hypothesis
	.venv-$@/bin/python -m pytest -q -m "not ($(OTHERS))" $(THEORY_TESTS)

# The lowest versions of the base package and of the extra play, but the tested torch; what only tests need is current.
LOWEST := sed -n -e '/^dependencies = /,/^]/b take' -e '/^play = /,/^]/b take' -e d -e ':take' \
	-e '/"torch/d' -e 's/^ *"\(.*\)>=\([^"]*\)",.*/\1==\2/p'
test-lowest:
	rm -rf .venv-$@
	$(PYTHON) -m venv .venv-$@
	($(LOWEST) pyproject.toml; grep '^torch==' constraints.txt) > .venv-$@/lowest.txt
	$(PATIENTLY) .venv-$@/bin/python -m pip install --quiet -c .venv-$@/lowest.txt -e '.[play,dev]'
	.venv-$@/bin/python -m pytest -q -W ignore::DeprecationWarning -n 2 --dist loadgroup -m "not ($(OTHERS))"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.contracts.language

figures: .venv/installed
	$(BIN)/regretlab figures --out figures

docs: .venv/installed-docs
	rm -rf docs/_build docs/reference/generated
	PATH="$(abspath $(BIN)):$$PATH" $(PATIENTLY) $(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "Open $(CURDIR)/docs/_build/html/index.html"

bench: .venv/installed
	for module in $(BENCHMARKS); do echo "== $$module"; $(BIN)/python -m $$module || exit 1; done

soak: .venv/installed
	$(BIN)/python -m tests.benchmarks.soak

rom: .venv/installed
	$(BIN)/python -m regretlab.games.cartridges.build

clean:
	rm -rf .venv .venv-test-base .venv-test-lowest demo figures docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
