# make demo   install into .venv and play the quick validation on the bundled cartridge
# make test   install into .venv and run the tests
.PHONY: demo test test-parallel test-realtime lint figures docs bench rom

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
export OMP_NUM_THREADS ?= 1

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "regretlab needs Python 3.11 or later; " + sys.executable + " is " + sys.version.split()[0] + ": set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/regretlab validate --quick --out demo
	@echo "The report is $(CURDIR)/demo/report.html"

test: $(INSTALLED)
	$(BIN)/python -m pytest -q -n 2 -m "not realtime"
	$(BIN)/python -m pytest -q -m realtime

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

figures: $(INSTALLED)
	$(BIN)/python -m paper_figures --out figures

docs: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "The pages are $(CURDIR)/docs/_build/html/index.html"

bench: $(INSTALLED)
	for script in tests/benchmarks/benchmark_*.py; do echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

rom: $(INSTALLED)
	$(BIN)/python -m regretlab.games.cartridges.build
