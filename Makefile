# Two commands are all the set-up there is: `make demo` and `make test`. Everything is installed into
# .venv (to use and to develop) or .venv-test (the built wheel); nothing outside this folder is touched.

PYTHON ?= python3
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEV = .venv/bin
TEST = .venv-test/bin
unexport PYTHONPATH

KILLS ?= 100
N ?= 300
SEED ?= 1
SECONDS ?= 60
TARGET ?= all

.PHONY: demo test test-browser check bench bench-long crash nights fuzz screenshots clean

demo: .venv/installed
	$(DEV)/nightreel run manifests/quickstart.yaml

test: .venv-test/wheel
	$(TEST)/ruff check .
	$(TEST)/ruff format --check .
	$(TEST)/mypy
	$(TEST)/pytest --numprocesses 2

# The report in a real browser; also part of `make test` where there is one.
test-browser: .venv-test/wheel
	@.ci/browser
	$(TEST)/pytest tests/browser

screenshots: .venv-test/wheel
	@.ci/browser
	cd tests && ../$(TEST)/python -m browser.screenshots ../docs/screenshots
	$(TEST)/python docs/screenshots/terminal.py

check: .venv/installed-test
	$(DEV)/ruff format .
	$(DEV)/ruff check .
	$(DEV)/mypy
	$(DEV)/pytest -q -m "not slow"

bench: .venv/installed-bench
	$(DEV)/python -m bench

bench-long: .venv/installed-bench
	$(DEV)/python -m bench --long
	$(DEV)/python -m bench.page

crash: .venv/installed-test
	cd tests && ../$(DEV)/python -m crash --kills $(KILLS) --seed $(SEED) $(if $(BATCH),--batch $(BATCH))

nights: .venv/installed-test
	cd tests && ../$(DEV)/python -m nights --nights $(N) --seed $(SEED) $(if $(PLANTED),--planted $(PLANTED))

fuzz: .venv/installed-fuzz
	cd tests && ../$(DEV)/python -m fuzz --seconds $(SECONDS) --target $(TARGET) $(if $(REPLAY),--replay $(REPLAY))

clean:
	rm -rf .venv .venv-test build dist

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(DEV)/python $(PIP_INSTALL) --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(DEV)/python $(PIP_INSTALL) --editable '.[test]'
	touch $@

.venv/installed-bench: .venv/installed-test
	$(DEV)/python $(PIP_INSTALL) --editable '.[test,bench]'
	touch $@

.venv/installed-fuzz: .venv/installed-test
	$(DEV)/python $(PIP_INSTALL) --editable '.[test,fuzz]'
	touch $@

.venv-test/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-test
	$(TEST)/python $(PIP_INSTALL) '.[test,browser]'
	touch $@

.PHONY: .venv-test/wheel
.venv-test/wheel: .venv-test/installed
	rm -rf build/wheel
	$(TEST)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(TEST)/python $(PIP_INSTALL) --no-deps --force-reinstall build/wheel/*.whl
