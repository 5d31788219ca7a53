# make demo: from nothing to interview questions. make test: everything that must hold.
PYTHON ?= python3
PIP_FLAGS ?= --quiet --disable-pip-version-check
BIN := .venv/bin
TORCH_BIN := .venv-torch/bin
MODEL ?=
JOB ?= examples/jobs/backend-engineer.md
RESUME ?= examples/resumes/backend-engineer.md
COUNT ?= 8

.PHONY: help demo serve test test-torch lint proto bench clean

help:
	@echo 'make demo        fetch and convert the default model, serve it, print 8 interview questions'
	@echo '                 MODEL=folder|file.gguf|hub/id  JOB=file  RESUME=file  COUNT=8'
	@echo 'make serve       serve that model on localhost:50051 until Ctrl-C'
	@echo 'make test        lint, types, import rules, generated code, tests (no torch)'
	@echo 'make test-torch  parity with transformers and the stock converter (torch 2.13.0)'
	@echo 'make bench       time to first token against ctranslate2 itself, and the fidelity of int8'
	@echo 'make lint | make proto | make clean'

.venv/bin/python .venv-torch/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "askwell needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(patsubst %/bin/python,%,$@)

.venv/.demo: pyproject.toml constraints.txt | .venv/bin/python
	@echo 'installing into .venv (server, converter, client) …'
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[server,convert]'
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo 'installing into .venv (with the tools for tests) …'
	@$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@ .venv/.demo

.venv-torch/.dev: pyproject.toml constraints.txt | .venv-torch/bin/python
	@echo 'installing into .venv-torch (torch, transformers) …'
	@$(TORCH_BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev,torch]'
	@touch $@

demo: .venv/.demo
	@$(BIN)/python examples/demo.py --model '$(MODEL)' --job '$(JOB)' --resume '$(RESUME)' --count '$(COUNT)'

serve: .venv/.demo
	@$(BIN)/python examples/demo.py --model '$(MODEL)' --serve

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -m 'not torch'

test-torch: .venv-torch/.dev
	@$(TORCH_BIN)/python examples/default_model.py
	ASKWELL_GGUF="$$($(TORCH_BIN)/python examples/default_model.py --path)" $(TORCH_BIN)/python -m pytest -m torch

proto: .venv/.dev
	$(BIN)/python proto/generate.py

clean:
	rm -rf .venv .venv-torch models .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
