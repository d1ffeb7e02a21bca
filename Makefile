# The commands a person needs. CMake (CMakePresets.json) does the building, tools/ the rest.

JOBS ?= $(shell nproc)

.PHONY: help build run test test-deep bench format tidy clean
.DEFAULT_GOAL := help

help:
	@echo 'make build      leave the release binary in build/release/entrepot'
	@echo 'make run        set up, build, start a registry and show it working; Ctrl-C stops it'
	@echo 'make test       unit, black-box and real-client tests of the release build'
	@echo 'make test-deep  the same code under ASan+UBSan and TSan, fuzzers, crash tests, soak'
	@echo 'make bench      compare with nginx and docker-registry, side by side'
	@echo 'make format     format the sources;  make tidy: look for bugs with clang-tidy'

build:
	@tools/setup build
	@$(MAKE) --no-print-directory build/release/entrepot

# Programs of one flavour: `make build/dev`, or one program of it: `make build/release/entrepot`.
.PHONY: build/release build/dev build/tsan build/fuzz build/release/entrepot
build/release build/dev build/tsan build/fuzz:
	@cmake --preset $(@F) >/dev/null
	@ninja -C $@ -j$(JOBS) --quiet
build/release/entrepot:
	@cmake --preset release >/dev/null
	@ninja -C build/release -j$(JOBS) --quiet entrepot

run:
	@tools/setup run
	@$(MAKE) --no-print-directory build/release/entrepot
	@tools/first_run

test:
	@tools/setup test
	@$(MAKE) --no-print-directory build/release
	@tools/with_postgres tools/run_suites test

test-deep:
	@tools/setup test
	@$(MAKE) --no-print-directory build/release/entrepot build/dev build/tsan build/fuzz
	@tools/with_postgres tools/run_suites deep

bench:
	@tools/setup test
	@$(MAKE) --no-print-directory build/release
	@/usr/bin/python3 bench/run.py

SOURCES = $(shell git ls-files '*.h' '*.cc' ':!*.gen.*')

format:
	@clang-format-19 -i $(SOURCES)

tidy:
	@cmake --preset dev >/dev/null
	@printf '%s\n' $(filter %.cc,$(SOURCES)) | grep -v '^bench/\|^fuzz/' | xargs -P$(JOBS) -n4 clang-tidy-19 -p build/dev --quiet

clean:
	@rm -rf build
