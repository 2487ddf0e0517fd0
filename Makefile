# Everything a person or a machine runs here. `make demo` and `make test` each do the whole set-up first.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

export PATH := $(CURDIR)/.venv/bin:$(HOME)/.cargo/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PYTHON_DIRS := observer tests scripts $(wildcard bench)
RUST_FILES := $(shell find core -name '*.rs' -not -path '*/target/*') Cargo.toml Cargo.lock $(wildcard core/*/Cargo.toml)
C_FILES := $(wildcard bpf/*.c bpf/*.h)
FUZZ_SECONDS ?= 300
MIXED := pcaps/j_mixed_cluster_fabric.pcap

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/system.stamp: scripts/setup-system
	scripts/setup-system
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'
	test -x .venv/bin/python || python3 -m venv .venv
	touch $@

.venv/python.stamp: .venv/system.stamp requirements.lock
	.venv/bin/pip install --quiet "$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	.venv/bin/uv pip install --quiet --native-tls --compile-bytecode --python .venv/bin/python --requirement requirements.lock
	touch $@

.venv/build.stamp: .venv/python.stamp $(RUST_FILES) $(C_FILES) pyproject.toml
	VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/maturin develop --release --uv --quiet
	.venv/bin/python -m compileall -q observer
	touch $@

.PHONY: setup build demo
setup: .venv/python.stamp ## System packages, virtual environment, locked Python packages
build: .venv/build.stamp ## Compile the core and put the command at .venv/bin/observer

demo: build ## Analyse a real capture of a small cluster
	@.venv/bin/observer analyze $(MIXED) --inventory pcaps/inventory/mixed.yaml --ca pcaps/ca/ca.crt --fail-on never

.PHONY: lint lint-python lint-rust lint-c
lint: lint-python lint-rust lint-c ## Format, types, layers and lints of all three languages

lint-python: build
	ruff check $(PYTHON_DIRS)
	ruff format --check $(PYTHON_DIRS)
	mypy
	stubtest observer._core
	lint-imports --no-logo

lint-rust: setup
	cargo fmt --all --check
	cargo clippy --locked --all-targets --quiet -- -D warnings
	cargo fmt --manifest-path core/fuzz/Cargo.toml --check
	cargo metadata --locked --format-version 1 --manifest-path core/fuzz/Cargo.toml >/dev/null

lint-c: setup
	$(if $(C_FILES),clang-format --dry-run --Werror $(C_FILES),@echo "no C files yet")

.PHONY: test test-rust test-python fuzz-smoke fuzz bench
test: lint test-rust fuzz-smoke test-python ## Everything that must hold before a merge

test-rust: setup
	cargo test --locked --quiet

test-python: build .venv/helm.stamp tree-agent
	pytest

fuzz-smoke: setup ## Ten seconds for each fuzz target
	scripts/fuzz 10

fuzz: setup ## FUZZ_SECONDS (300) for each fuzz target
	scripts/fuzz $(FUZZ_SECONDS)

bench: build ## Measure against the peers that are installed
	.venv/bin/uv pip install --quiet --native-tls --python .venv/bin/python --requirement bench/requirements.txt
	python bench/run.py $(BENCH)

HELM := helm.sh/helm/v4/cmd/helm@v4.2.4
# Without Go the chart's tests are skipped, and say so.
.venv/helm.stamp: .venv/system.stamp
	if command -v go >/dev/null && ! test -x .venv/bin/helm; then GOBIN=$(CURDIR)/.venv/bin go install $(HELM) || true; fi
	touch $@

TREE := dist/tree
# What the images hold, each as a folder: locked versions, nothing but what runs there.
.PHONY: wheel tree-agent tree-collector images
wheel: .venv/python.stamp
	rm -rf dist/wheel && maturin build --release --quiet --compatibility off --out dist/wheel

tree-agent: wheel ## The folder that the agent's image holds
	rm -rf $(TREE)/agent
	uv pip install --quiet --native-tls --target $(TREE)/agent --constraint requirements.lock dist/wheel/*.whl

tree-collector: wheel ## The folder that the collector's image holds
	rm -rf $(TREE)/collector
	uv pip install --quiet --native-tls --target $(TREE)/collector --constraint requirements.lock \
		"observer[collector,nats] @ file://$$(ls $(CURDIR)/dist/wheel/*.whl)"

images: ## Both images for two architectures, with SBOM and provenance; needs docker buildx
	docker buildx bake

KREW := dist/kubectl-observer.tar.gz
RELEASES ?= https://example.org/observer/v0.1.0
.PHONY: krew
krew: ## The krew plugin's archive and manifest in dist/; RELEASES is where the archive will lie
	mkdir -p dist
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C deploy/krew -cf - kubectl-observer -C $(CURDIR) LICENSE | gzip -n >$(KREW)
	sed -e "s|@URI@|$(RELEASES)/$(notdir $(KREW))|" -e "s|@SHA256@|$$(sha256sum $(KREW) | cut -d' ' -f1)|" \
		deploy/krew/observer.yaml >dist/observer.yaml

.PHONY: manifests
manifests: .venv/helm.stamp ## Render deploy/manifests from the chart
	helm template observer deploy/helm/observer --namespace observer --values deploy/manifests/values.yaml \
		> deploy/manifests/observer.yaml

.PHONY: lock format clean
lock: .venv/python.stamp ## Renew requirements.lock from pyproject.toml
	uv pip compile --quiet --native-tls --universal --python-version 3.11 --no-header --no-annotate --all-extras --group dev \
		pyproject.toml --output-file requirements.lock

format: setup ## Put Python, Rust and C in the project's format
	ruff check --fix $(PYTHON_DIRS)
	ruff format $(PYTHON_DIRS)
	cargo fmt --all
	$(if $(C_FILES),clang-format -i $(C_FILES))

clean: ## Remove what was built, the virtual environment included
	rm -rf .venv target core/fuzz/target observer/_core*.so .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
