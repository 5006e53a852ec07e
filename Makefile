# Every developer command; plain `make` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
PIP := --quiet --disable-pip-version-check

CORE := hew/scheduler/core
CORE_SOURCES := $(sort $(shell find $(CORE) -name '*.c' -o -name '*.S' 2>/dev/null))
CORE_HEADERS := $(shell find $(CORE) tests/core -name '*.h' 2>/dev/null)
CORE_TESTS := $(patsubst tests/core/%.c,%,$(wildcard tests/core/test_*.c))
C_FILES := $(shell find $(CORE) tests/core bench -name '*.[ch]' 2>/dev/null)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set-up

# The package alone, for those who only use it, and what `make core` needs; the core is built on the way.
$(READY): pyproject.toml hew/__init__.py
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "make: $(PYTHON) lacks venv: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@echo 'setting up $(VENV) ...'
	@$(BIN)/pip install $(PIP) --editable . 'hatchling>=1.21'
	@touch $@

# What the tests and the checks of style need beside it.
$(INSTALLED): pyproject.toml | $(READY)
	@$(BIN)/pip install $(PIP) --editable '.[test,dev]'
	@touch $@

.PHONY: core
core: $(READY) ## build the C core in place, if a source is newer
	@$(BIN)/python hatch_build.py

# ---------------------------------------------------------------- use

.PHONY: demo
demo: core ## run examples/service.hew with its profiler on http://127.0.0.1:6060/, until Ctrl-C
	@port=$$($(BIN)/python -c 'import socket; \
	    free = lambda p: socket.socket().connect_ex(("127.0.0.1", p)) != 0; \
	    print(next(p for p in range(6060, 6160) if free(p)))'); \
	HEW_PPROF=127.0.0.1:$$port exec $(BIN)/hew run examples/service.hew

.PHONY: bench
bench: core ## measure: JSON lines and a table, beside Go and C where they are installed
	@$(BIN)/python -m bench.run $(BENCH)

# ---------------------------------------------------------------- tests

NONE_CHOSEN = $(if $(PYTEST),|| test $$? -eq 5)

.PHONY: test
test: core $(INSTALLED) core-test ## run all tests; PYTEST='-k name' chooses some
	@$(BIN)/python -m pytest -n 2 -m 'not alone' $(PYTEST) $(NONE_CHOSEN)
	@$(BIN)/python -m pytest -m alone $(PYTEST) $(NONE_CHOSEN)

# Each tests/core/test_*.c becomes one binary with the whole core, per sanitizer. Where handlers leave their stack, which
# the sanitizers' books on stacks do not follow, or a worker is killed at an instruction, it is built plain instead.
PLAIN_ONLY := test_program test_handlers test_bounded test_backtrace test_kill test_kill_every_instruction \
    test_alloc_kill
CORE_FLAGS := -std=c11 -D_GNU_SOURCE -DHEW_DEBUG=1 -g -fno-omit-frame-pointer -pthread -fexceptions \
    -fno-strict-aliasing -Wall -Wextra -Wconversion -Wshadow -Werror -I$(CORE)
asan_FLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
tsan_FLAGS := -O1 -fsanitize=thread
plain_FLAGS := -O2
asan_TESTS := $(filter-out $(PLAIN_ONLY),$(CORE_TESTS)) test_alloc_kill
tsan_TESTS := $(filter-out $(PLAIN_ONLY),$(CORE_TESTS))
plain_TESTS := $(filter $(PLAIN_ONLY),$(CORE_TESTS))
asan_ENV := ASAN_OPTIONS=detect_stack_use_after_return=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
tsan_ENV := TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
CORE_TEST_SECONDS ?= 300

define SANITIZER
$(1)_OBJECTS := $$(patsubst $(CORE)/%,build/core-test/$(1)/%.o,$$(CORE_SOURCES))

build/core-test/$(1)/%.o: $(CORE)/% $$(CORE_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$$(CC) $$(CORE_FLAGS) $$($(1)_FLAGS) -c $$< -o $$@

build/core-test/$(1)/%: tests/core/%.c $$($(1)_OBJECTS) $$(CORE_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$$(CC) $$(CORE_FLAGS) $$($(1)_FLAGS) -Itests/core $$< $$($(1)_OBJECTS) -lgcc_s -lm -o $$@

.PHONY: core-test-$(1)
core-test-$(1): $$($(1)_TESTS:%=build/core-test/$(1)/%)
	@for test in $$^; do echo "$(1): $$$$(basename $$$$test)"; $$($(1)_ENV) timeout $(CORE_TEST_SECONDS) $$$$test; done
endef
$(foreach sanitizer,asan tsan plain,$(eval $(call SANITIZER,$(sanitizer))))

.PHONY: core-test
core-test: ## run the C tests under ASan+UBSan and under TSan, and the kill tests
	@if command -v $(CC) >/dev/null; then $(MAKE) --no-print-directory -j2 core-test-plain core-test-asan core-test-tsan; \
	elif test "$${CI:-}" = true; then echo 'make: no C compiler: apt-get install gcc libc6-dev' >&2; exit 1; \
	else echo 'skipped: the C tests need a C compiler: apt-get install gcc libc6-dev'; fi

# ---------------------------------------------------------------- style

.PHONY: lint
lint: $(INSTALLED) ## check style, types, imports and the format of C
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy hew tests bench hatch_build.py
	$(BIN)/lint-imports pyproject.toml
	$(if $(C_FILES),$(BIN)/clang-format --dry-run --Werror $(C_FILES))

.PHONY: fmt
fmt: $(INSTALLED) ## repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(if $(C_FILES),$(BIN)/clang-format -i $(C_FILES))

.PHONY: clean
clean: ## remove all that was built, the environment too
	rm -rf build dist $(VENV) hew/scheduler/_core .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
