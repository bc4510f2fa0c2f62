# Bare `make` lists the targets. Each sets up what is missing itself: see .ci/setup.
# Nothing here changes the tree as git sees it: .venv/, build/ and zsh-tool-rs/target/ are ignored.
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup run build test lint fmt bench interop wheel nix macos teeth nix-teeth clean needs-rust needs-python needs-suite needs-installed

# A Nix shell brings its own Python.
ifneq ($(ZSH_TOOL_TOOLS),declared)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
endif
export PYTHONDONTWRITEBYTECODE := 1
CARGO := cd zsh-tool-rs && cargo
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/zsh-tool-rs/target)
# Nix brings an executor that is built; otherwise it is ours.
export ZSH_TOOL_EXEC ?= $(TARGET)/release/zsh-tool-exec
export ZSH_TOOL_RULES ?= $(TARGET)/debug/examples/rules
# What the checks of an installation find: see .ci/install-apart.
export EXECUTOR = $(ZSH_TOOL_EXEC)
export EXECUTOR_AGAIN := $(CURDIR)/build/apart/zsh-tool-exec
export ZSH_TOOL_INSTALLED := $(CURDIR)/build/apart/bin/zsh-tool
export INSTALLED_ENVIRONMENT := XDG_STATE_HOME=$(CURDIR)/build/apart/state PATH=$(dir $(shell command -v zsh || echo /usr/bin/zsh))

help: ## list the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p; s/^\(check-\)%:.*## \(.*\)/  make \1NAME\t\2/p' Makefile | expand -t 20

run: setup build ## the main job on real input, before your eyes
	@python3 examples/first_session.py

test: ## every check and test of both languages (.ci/checks.toml)
	@.ci/setup test
	@python3 .ci/checks.py

check-%: ## one check of that list
	@.ci/setup test
	@python3 .ci/checks.py $*

lint: ## formats, lints and types of both languages
	@.ci/setup test
	@python3 .ci/checks.py rust-format rust-lint python-format python-lint python-types shell-lint

fmt: ## format both languages
	@.ci/setup test
	@$(CARGO) fmt
	@ruff format . && ruff check --fix .

bench: build ## the targets of docs/performance.md, as ratios in one run
	@.ci/setup test
	@failed=0; \
	(cd zsh-tool-rs && cargo bench --locked --benches) || failed=1; \
	for file in tests/bench/[a-z]*.py; do \
		python3 -m $$(echo $${file%.py} | tr / .) || failed=1; \
	done; \
	exit $$failed

interop: build ## clients that we did not write, from npm
	@.ci/setup interop
	@python3 -m pytest tests/interop

wheel: ## a wheel with the executor inside, into dist/
	@.ci/setup run
	@python3 -m pip --disable-pip-version-check wheel -q --no-deps --wheel-dir dist .

nix: ## the flake: with stand-ins for its inputs where those are at hand, else by Nix itself
	@.ci/flake

macos: ## types and lints of the executor as for macOS, wherever rustup is
	@.ci/macos

teeth: ## break a copy in each way that the checks must notice, and show that they do
	@.ci/setup test
	@.ci/teeth

nix-teeth: ## break a copy in each way that the flake must notice, and show that it does
	@.ci/teeth nix

setup: ## what is missing: zsh, Python packages
	@.ci/setup run

build: setup ## the executor, released
	@test "$(ZSH_TOOL_EXEC)" != "$(TARGET)/release/zsh-tool-exec" || { $(CARGO) build --release --locked --quiet; }

clean: ## remove what was built
	@rm -rf .venv build dist zsh-tool-rs/target

# What the kinds of checks find.
needs-rust needs-python:
	@:
needs-suite: build
	@$(CARGO) build --locked --quiet --example rules
needs-installed: build
	@.ci/install-apart
