# One command per intention. Each does its own set-up: nothing but Python 3.11 or later is needed.
PYTHON ?= python3
UV := .venv/bin/uv

.PHONY: install demo dashboard versitygw test coverage lint lock bench bench-full bench-check clean
.DEFAULT_GOAL := install

install: .venv/installed

# uv is itself locked (requirements-uv.lock), so that a clone made next year installs the same things. It compiles what
# it installs, and so are our own rooms compiled: Dask's workers are processes, and where Python may not write, each of
# them would compile all of Dask, and each command our rooms, for more than a tenth of a second.
.venv/installed: pyproject.toml requirements.lock requirements-uv.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "alert-transfer needs Python 3.11 or later; say which with: make PYTHON=python3.12")'
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(UV) pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
	.venv/bin/python -m compileall -q consumer engine ui
	touch $@

demo: install
	.venv/bin/alert-transfer demo

# An S3 server that others wrote, for the tests of reading from object stores; without Go they run on moto alone. The
# proxy for Go's modules has it, and Go checks its sum.
versitygw:
	@if test -x .tools/versitygw; then echo ".tools/versitygw is there"; \
	elif command -v go > /dev/null; then GOBIN="$(CURDIR)/.tools" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0; \
	else echo "versitygw is not built, since there is no Go: its tests are skipped"; fi

# Ctrl-C ends it, as is meant.
dashboard: install
	test -d alert-transfer-demo/archive/science || .venv/bin/alert-transfer archive sample alert-transfer-demo/archive
	.venv/bin/alert-transfer serve --archive alert-transfer-demo/archive/science || test $$? -eq 130

# A file's tests stay together: they share brokers and clusters, which take longer to start than to use. Files run in
# the order that tests/conftest.py puts them in: the longest first. Three processes keep two cores busy, since tests wait
# for processes to start and to be missed: 10 min 14 s, with two 12 min 44 s. What pytest makes of the tests' files is
# kept, whatever the environment says: to make it takes each process half of the 20 s in which it collects them.
test: install
	.venv/bin/python -m compileall -q consumer engine ui
	.venv/bin/python -m tests.ui.dashboard.browser.chrome
	PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# What no test runs, line by line; several times as long as the tests alone.
coverage: install
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term-missing:skip-covered

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache
	.venv/bin/mypy

# Two quiet cores: 20 minutes; page, plots and JSON go into build/benchmarks/small. What a stopped run measured is kept.
bench: install
	.venv/bin/python benchmarks/suite.py --size small

# Two hours on two quiet cores. Page, plots and JSON go into the repository: docs/benchmarks.md, benchmarks/results.
bench-full: install versitygw
	.venv/bin/python benchmarks/suite.py --size full --keep

# Ratios of a small run, five minutes, beside those of the last JSON that was kept.
bench-check: install versitygw
	.venv/bin/python benchmarks/guard.py

# Versions and hashes only: no registry's address goes into the lock.
lock: install
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --all-extras --group dev -o requirements.lock pyproject.toml
	printf 'uv\n' | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements-uv.lock -

clean:
	rm -rf .venv .venvs .tools build dist
