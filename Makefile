# Farspan: what people type. `make help` lists it.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
T ?= .
LAB ?= examples/global-offices
FARSPAN := build/release/bin/farspan
CTEST := ctest --test-dir build/release --output-on-failure --no-tests=error

.PHONY: help setup configure programs build demo test unit lab-test asan fuzz bench bench-control format down clean
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## install what is needed on Debian 12 (root)
	@tools/setup.sh

configure: setup
	@mkdir -p build && cmake --preset release > build/configure.log 2>&1 || { cat build/configure.log; exit 1; }

programs: configure ## build the programs only, without tests and benchmarks
	@tools/build.sh programs $(JOBS)

build: configure ## build everything
	@tools/build.sh all $(JOBS)

demo: programs ## bring the whole network up on this machine, prove it, leave it running
	@$(FARSPAN) lab up $(LAB)

down: ## remove the demo
	@$(FARSPAN) lab down

test: build ## every test: unit, packet, lab, sanitizers, fuzzers
	@tools/run_tests.sh

unit: build ## unit and packet tests only; T=regex chooses
	@$(CTEST) -LE lab -j $(JOBS) -R '$(T)'

lab-test: build ## tests on namespaces with real peers; T=regex chooses
	@$(CTEST) -L lab -j $(JOBS) -R '$(T)'

asan: setup ## unit and packet tests under AddressSanitizer and UBSan
	@tools/run_tests.sh asan

fuzz: setup ## every fuzz target for SECONDS_EACH seconds (30)
	@tools/run_tests.sh fuzz

bench: build ## ns and cycles per packet, throughput beside peers, one run
	@bench/run.sh

bench-control: build ## the control side with 10,000 offices and 20 simulated nodes, one run
	@build/release/bin/controller_bench

format: ## clang-format every source
	@tools/check_format --fix

clean: ## remove what was built
	@rm -rf build
