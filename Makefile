# make app | make demo | make test | make test-long | make check
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
LOG := $(VENV)/install.log
UV := uv==0.13.9
ARGS ?=
EXTRAS := $(shell nvidia-smi -L 2>/dev/null | grep -q GPU && echo "[gpu]")  # cuBLAS, for CTranslate2

.PHONY: app setup demo test test-long check

app: setup            ## the studio, with a real model in place
	@$(PY) -m qal studio $(ARGS)

setup: $(VENV)/installed
	@$(PY) -m qal models fetch base-adaptive

demo: setup           ## import, fine-tune, report, caption: about eight minutes on two cores of a Zen 5
	@$(PY) -m qal demo $(ARGS)

check: $(VENV)/installed-dev
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/basedpyright

test: $(VENV)/installed-dev chromium setup
	@OMP_NUM_THREADS=1 $(PY) -m pytest -m "not long" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(VENV)/installed-dev chromium setup
	@$(PY) -m pytest -m long --timeout 2400 $(ARGS)

# Installs with uv, which takes a fraction of pip's time, or with pip where uv cannot be had; what either prints is in
# .venv/install.log. pip's own settings of where wheels are found count for both.
define install
@echo "Installing $(1) into $(VENV) (the first time takes a minute or more) ..."
@export UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}"; \
if $(PY) -m uv --version >>$(LOG) 2>&1 || $(PY) -m pip install --disable-pip-version-check -q $(UV) >>$(LOG) 2>&1; \
then $(PY) -m uv pip install --python $(PY) $(2) >>$(LOG) 2>&1; \
else $(PY) -m pip install --disable-pip-version-check -q $(2) >>$(LOG) 2>&1; fi \
|| { tail -n 20 $(LOG) >&2; echo "error: $(1) could not be installed; the whole output is in $(LOG)" >&2; exit 1; }
@touch $@
endef

$(VENV)/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Qal needs Python 3.11 or newer; set PYTHON=python3.x")'
	@test -x $(PY) || { echo "Creating the environment $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	$(call install,Qal and its libraries,-r requirements.txt -e ".$(strip $(EXTRAS))")

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(call install,the developers' tools,-r requirements-dev.txt)

.PHONY: chromium
chromium:             # for the browser tests, which skip where it cannot be had
	@command -v chromium >/dev/null || { command -v apt-get >/dev/null && \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo "sudo -n") && $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq chromium >/dev/null; } || \
	  echo "Chromium is missing and could not be installed; the browser tests will be skipped"
