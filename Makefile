# make app | make demo | make test | make test-long | make check
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=

.PHONY: app setup demo test test-long check

app: setup            ## the studio, with a real model in place
	@$(PY) app.py $(ARGS)

setup: $(VENV)/installed
	@$(PY) -m export adapters/base-adaptive --to ctranslate2

demo: setup           ## import, fine-tune, report, caption: about eight minutes on two cores
	@$(PY) qal/cli/demo.py $(ARGS)

check: $(VENV)/installed-dev
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/basedpyright

test: $(VENV)/installed-dev chromium setup
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m "not long" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(VENV)/installed-dev chromium setup
	@$(PY) -m pytest -m long --timeout 2400 $(ARGS)

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Qal needs Python 3.11 or newer; set PYTHON=python3.x")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@

.PHONY: chromium
chromium:             # for the browser tests, which skip where it cannot be had
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo "sudo -n") && $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq chromium >/dev/null; } || \
	  echo "Chromium is missing and could not be installed; the browser tests will be skipped"
