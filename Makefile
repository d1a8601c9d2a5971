# SPDX-License-Identifier: Apache-2.0
# `make` builds and leaves .venv/; `make test` is exactly what CI runs. Everything else is named in CONTRIBUTING.md.
# Only presets of CMakePresets.json and scripts of tools/ are named here.
PYTHON = $(shell tools/find_python.sh)
SECS ?= 60
RUNS ?= 1000000

.PHONY: all deps build py test test-nightly test-torch demo stress bench bench-peers fuzz model asan tsan clang pandas2 fmt tidy cover scorecard docs fresh-root clean
all: build py

deps:
	tools/install_deps.sh
build:
	tools/build.sh dev
py: deps
	$(PYTHON) -B tools/make_venv.py
test: deps
	$(PYTHON) -B tools/run_tests.py
test-nightly: deps
	$(PYTHON) -B tools/run_tests.py --nightly
asan tsan clang pandas2: deps
	$(PYTHON) -B tools/run_tests.py $@
test-torch: py
	tools/test_with.sh torch
demo: all
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r examples/demo/requirements.txt
	tools/run_part.sh examples/demo/demo.py
stress: build
	tools/run_part.sh tests/stress/run.py --seconds=$(SECS)
bench: py
	tools/build.sh release
	tools/run_part.sh bench/run.py
bench-peers: py
	tools/build.sh release
	tools/run_part.sh bench/peers.py
model: deps
	tools/run_part.sh tests/model/run_models.py
fuzz:
	tools/build.sh fuzz
	tools/run_part.sh tools/fuzz.py --runs=$(RUNS)
fmt:
	tools/run_part.sh tools/tidy.py --fix-format
tidy: build
	tools/run_part.sh tools/tidy.py
cover:
	tools/build.sh cover
	tools/run_part.sh tools/cover.py --html
scorecard:
	tools/run_part.sh tools/scorecard.py --update-readme
docs: py
	tools/make_docs.sh
fresh-root:
	tools/fresh_root.sh
clean:
	rm -rf build .venv
