# Two commands are enough: `make run` and `make test`. The rest is for those who work on licorne.
# The logic is in tools/, in Python, with nothing but its standard library.

PYTHON ?= python3
PORT ?= 8000

.PHONY: help run test test-fast build lint format types bench docs clean

help:
	@echo "make run        serve examples/hello.py on 127.0.0.1:$(PORT); another port: make run PORT=8001"
	@echo "make test       everything that CI does: lint, types, tests of both builds on every supported Python found"
	@echo "make test-fast  the tests, compiled, on $(PYTHON) only"
	@echo "make build      compile into build/<version>, to use with PYTHONPATH"
	@echo "make lint       ruff"
	@echo "make format     let ruff rewrite what it can"
	@echo "make types      mypy --strict"
	@echo "make bench      the benchmarks (benchmarks/README.md)"
	@echo "make docs       generate the pages under docs/ that are generated"
	@echo "make clean      remove all that these made"

run:
	@$(PYTHON) tools/run_hello.py $(PORT)

test:
	@$(PYTHON) tools/check.py

test-fast:
	@$(PYTHON) tools/check.py --only tests --build compiled --this-python

build:
	@$(PYTHON) tools/build.py

lint:
	@$(PYTHON) tools/check.py --only lint

types:
	@$(PYTHON) tools/check.py --only types

format:
	@$(PYTHON) tools/in_environment.py ruff check --fix --exit-zero .
	@$(PYTHON) tools/in_environment.py ruff format .

bench:
	@$(PYTHON) tools/in_environment.py python -m benchmarks

docs:
	@$(PYTHON) tools/generate_docs.py

clean:
	rm -rf .venv .venvs .cache build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests tools -name '__pycache__' -prune -exec rm -rf {} +
	find src -name '*.so' -delete
