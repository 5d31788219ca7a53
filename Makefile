# make demo: from nothing to interview questions. make test: everything that must hold.
PYTHON ?= python3
PIP := -m pip install --disable-pip-version-check -c constraints.txt
BIN := .venv/bin
TORCH_BIN := .venv-torch/bin
MODEL ?=
JOB ?= examples/jobs/backend-engineer.md
RESUME ?= examples/resumes/backend-engineer.md
COUNT ?= 8
TEXTS := $(wildcard examples/jobs/*.md examples/resumes/*)
UNSEEN := $(wildcard benchmarks/data/jobs/*.md benchmarks/data/resumes/*.md)

.PHONY: help demo serve test test-torch lint proto bench bench-full bench-gptj bench-peers report clean

help:
	@echo 'make demo        fetch and convert the default model, serve it, print 8 interview questions'
	@echo '                 MODEL=folder|file.gguf|hub/id  JOB=file  RESUME=file  COUNT=8'
	@echo 'make serve       serve that model on localhost:50051 until Ctrl-C'
	@echo 'make test        lint, types, import rules, generated code, tests (no torch)'
	@echo 'make test-torch  parity with transformers and the stock converter (torch 2.13.0)'
	@echo 'make bench       a short version of every benchmark with the default model (under 10 minutes)'
	@echo 'make bench-peers transformers, llama.cpp, OpenVINO and plain ctranslate2, each in an environment of its own'
	@echo 'make bench-full  all of it at length, about 2.5 hours; make bench-gptj: a GPT-J of full size (25 GB of disk)'
	@echo 'make report      README table, docs/performance.md and plots from benchmarks/results'
	@echo 'make lint | make proto | make clean'

.venv/bin/python .venv-torch/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "askwell needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(patsubst %/bin/python,%,$@)

.venv/.demo: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python $(PIP) -e '.[server,convert]'
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python $(PIP) -e '.[dev]'
	@touch $@ .venv/.demo

.venv-torch/.dev: pyproject.toml constraints.txt | .venv-torch/bin/python
	$(TORCH_BIN)/python $(PIP) -e '.[dev,torch]'
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

INT8 := models/smollm2-135m-instruct
FLOAT32 := models/smollm2-135m-instruct-float32

$(INT8)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(INT8) --calibrate

$(FLOAT32)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(FLOAT32) --quantization float32

ADAPTER := adapters/smollm2-135m-interviewer
TUNED := models/smollm2-135m-interviewer

$(TUNED)/askwell.json: $(ADAPTER)/adapter_model.safetensors | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(TUNED) --name $(notdir $(TUNED)) --adapter $(ADAPTER) --calibrate --force

BENCH := $(BIN)/askwell-bench
RESULTS := benchmarks/results
SHORT := $(RESULTS)/short
WORKLOADS := benchmarks/workloads
UNCALIBRATED := models/smollm2-135m-instruct-uncalibrated
FULL_RANGE := models/smollm2-135m-instruct-range-127
WITHOUT := models/smollm2-135m-instruct-without
STOCK := models/smollm2-135m-instruct-range-127-uncalibrated
GPTJ := models/gptj-full-size

$(FULL_RANGE)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(FULL_RANGE) --target cpu-vnni --calibrate

$(STOCK)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(STOCK) --target cpu-vnni

$(UNCALIBRATED)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(UNCALIBRATED)

$(WITHOUT)-%/askwell.json: | .venv/.demo
	@$(BIN)/python examples/default_model.py
	@$(BIN)/askwell-convert "$$($(BIN)/python examples/default_model.py --path)" $(WITHOUT)-$* --calibrate --without $*

bench: .venv/.dev $(INT8)/askwell.json
	-$(BENCH) load --model $(INT8) --concurrency 1,4 --requests 20 --out $(SHORT)
	$(BENCH) engine --short --model $(INT8) --out $(SHORT)
	$(BENCH) overhead --short --threads 1 --model $(INT8) --out $(SHORT)
	$(BENCH) peers --short --model $(INT8) --out $(SHORT)

# A benchmark that judges exits with 1 when a verdict fails, and the next goes on all the same.
STEPS_LEFT_OUT := $(foreach step,rotation smoothing rounding,$(WITHOUT)-$(step))
ENCODER := models/all-minilm-l6-v2

$(ENCODER)/askwell.json: | .venv/.demo
	@$(BIN)/python examples/encoder.py

FIDELITY_MODELS := $(FLOAT32) $(FULL_RANGE) $(UNCALIBRATED) $(STOCK) $(STEPS_LEFT_OUT)

bench-full: .venv/.dev $(INT8)/askwell.json $(TUNED)/askwell.json $(ENCODER)/askwell.json $(FIDELITY_MODELS:%=%/askwell.json)
	$(BENCH) engine --model $(INT8) --out $(RESULTS)
	$(BENCH) overhead --threads 1 --model $(INT8) --out $(RESULTS)
	$(BENCH) first-token --threads 1 --model $(INT8) --out $(RESULTS)
	$(BENCH) first-token --threads 2 --model $(INT8) --out $(RESULTS)
	-$(BENCH) load --model $(INT8) --concurrency 1,2,4,8,16 --requests 100 --out $(RESULTS)
	-$(BENCH) load --model $(INT8) --workload mixed --rate 0.4,0.8,1.2 --requests 100 --out $(RESULTS)
	-$(BENCH) load --model $(TUNED) --workload questions --concurrency 1,4 --requests 24 --warmup 1 --out $(RESULTS)
	-$(BENCH) planner --real $(INT8) --workload $(WORKLOADS)/mixed.toml --lanes 2 --rate 3 --requests 80 --ahead 0 --rounds 1 --out $(RESULTS)
	-$(BENCH) capacity --model $(INT8) --workload $(WORKLOADS)/interviews.toml --out $(RESULTS)
	-$(BENCH) goodput --model $(INT8) --workload $(WORKLOADS)/mixed.toml --out $(RESULTS)
	-$(BENCH) overload --model $(INT8) --workload $(WORKLOADS)/overload.toml --out $(RESULTS)
	-$(BENCH) tenants --model $(INT8) --workload $(WORKLOADS)/tenants.toml --out $(RESULTS)
	-$(BENCH) kills --model $(INT8) --out $(RESULTS)
	-$(BENCH) integrity --model $(FLOAT32) --out $(RESULTS)
	-$(BENCH) integrity --model $(INT8) --out $(RESULTS)
	-for model in $(INT8) $(UNCALIBRATED) $(STEPS_LEFT_OUT) $(STOCK); do \
	  $(BENCH) fidelity --isa avx2 --model $$model --reference $(FLOAT32) --text $(UNSEEN) --out $(RESULTS) || failed=1; done; exit $${failed:-0}
	-for model in $(FULL_RANGE) $(STOCK); do \
	  $(BENCH) fidelity --model $$model --reference $(FLOAT32) --text $(UNSEEN) --out $(RESULTS) || failed=1; done; exit $${failed:-0}
	$(BENCH) prefix-split --isa avx2 --model $(INT8) --text $(TEXTS) --out $(RESULTS)
	-$(BENCH) peers --model $(INT8) --requests 30 --out $(RESULTS)
	-$(BENCH) soak --model $(INT8) --out $(RESULTS)
	-$(BENCH) mutants --out $(RESULTS)
	-$(BENCH) quality --model $(TUNED) --encoder $(ENCODER) --html $(RESULTS)/quality.html --out $(RESULTS)

bench-gptj: .venv/.dev .venv-torch/.dev
	$(BENCH) gptj --work $(GPTJ) --out $(RESULTS)

bench-peers: .venv/.dev $(INT8)/askwell.json
	@$(BIN)/python examples/default_model.py
	$(BIN)/python benchmarks/peers/build.py

report: .venv/.dev
	$(BENCH) report --results $(RESULTS)

proto: .venv/.dev
	$(BIN)/python proto/generate.py

clean:
	rm -rf .venv .venv-torch benchmarks/peers/*/.venv models .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
