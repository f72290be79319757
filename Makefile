# Every target makes what it needs first; when nothing has changed that takes a fraction of a second.
# `make` or `make help` lists them.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

venv := .venv/bin
python := $(venv)/python
ours := $(wildcard chassis auth_svc catalog_svc inventory_svc sync_svc sandbox hubctl deploy bench build_tools tests)
pytest := $(python) -m pytest
compile := $(venv)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

##@ Use the hub

.PHONY: run demo ha local-certificate clean-state
run: .generated ## start the whole hub; Ctrl-C stops it
	@exec $(python) -m deploy.local run

demo: .generated ## show the main job on a running hub, or on one of its own (CSV=path: another catalogue)
	@exec $(python) -m hubctl demo $(if $(CSV),"$(CSV)")

ha: .installed ## run three Postgres under Patroni on this machine and print their DATABASE_URL (needs etcd; docs/deploy.md)
	@scripts/setup ha
	@exec $(python) -m deploy.ha run

local-certificate: .installed ## write a TLS certificate for this machine into .state/tls (HOSTS="hub.example 10.0.0.7": for others too)
	@exec $(python) -m deploy.local.certificates .state/tls $(HOSTS)

clean-state: .generated ## remove everything a hub has stored (HUB_STATE_DIR, default .state)
	@exec $(python) -m deploy.local clean-state

##@ Test

.PHONY: test test-unit test-property test-integration test-contract test-e2e test-long mutations bench
test: .ready ## every test but the long ones
	@exec $(pytest) -m "not long" $(ARGS)

test-unit: .ready ## rules, conversions, mappings; no input or output
	@exec $(pytest) -m "not long" tests/unit $(ARGS)

test-property: .ready ## random sequences against a simple model
	@exec $(pytest) -m "not long" tests/property $(ARGS)

test-integration: .ready ## with a real Postgres
	@exec $(pytest) -m "not long" tests/integration $(ARGS)

test-contract: .ready ## protos, paths, roles, imports, migrations
	@exec $(pytest) -m "not long" tests/contract $(ARGS)

test-e2e: .ready ## the whole hub through its gateway
	@exec $(pytest) -m "not long" tests/e2e $(ARGS)

test-long: .ready ## the tests that take minutes
	@exec $(pytest) -m long --timeout 1800 $(ARGS)

mutations: .ready ## take each guard of stock away in turn and show that the suite fails (docs/testing.md)
	@exec $(python) -m tests.mutations $(ARGS)

bench: .generated ## measure the hub and print the ratios (ONLY=read: one part; docs/performance.md)
	@exec $(python) -m bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

##@ Check

.PHONY: check lint types buf breaking migrations-check audit sbom
check: ## all that CI does, no more and no less
	@exec .ci/run

lint: .ready ## ruff: rules and format
	@$(venv)/ruff check .
	@$(venv)/ruff format --check .

types: .ready ## mypy, strict
	@exec $(python) -m mypy $(ours)

buf: .ready ## buf lint on the protos
	@exec $(venv)/buf lint

breaking: .ready ## buf breaking against the earlier commits
	@exec $(python) -m build_tools.breaking

migrations-check: .ready ## models and migrations describe the same schema, and migrations can be undone
	@exec $(python) -m build_tools.migrations_check

audit: .installed ## ask a database of known holes about every locked package (says so when there is no answer)
	@exec $(python) -m build_tools.audit

sbom: .installed ## write the software bill of materials, CycloneDX, to gen/sbom.cdx.json (TO=path: elsewhere)
	@exec $(python) -m build_tools.sbom $(TO)

##@ Change the code

.PHONY: setup protos openapi roles reference fmt migrate migration lock
setup: .ready ## install everything, tools included, into .venv (PYTHON=path: with this Python)

protos: .generated ## generate gen/ from the protos, if they have changed

openapi: .generated ## write gen/openapi.json and the pages that show it
	@echo gen/openapi.json

roles: .generated ## write docs/roles.md, the list of who may call what
	@exec $(python) -m build_tools.roles

reference: .generated ## write the pages that are made from the code: configuration, metrics, data model, dashboards
	@exec $(python) -m build_tools.reference

fmt: .ready ## format the code and sort its imports
	@$(venv)/ruff check --fix --quiet --exit-zero .
	@$(venv)/ruff format .

migrate: .generated ## bring the database of DATABASE_URL up to date (HUB_ROLE_SECRET: what the roles' passwords come from)
	@exec $(python) -m deploy.local.migrate

migration: .ready ## start a migration (service=catalog m="add a column")
	@$(python) -m build_tools.new_migration "$(service)" "$(m)"

lock: .ready ## resolve the requirements anew (UPGRADE=1: to the newest versions)
	@$(compile) requirements/base.in --output-file requirements/base.lock
	@$(compile) requirements/dev.in --constraint requirements/base.lock --output-file requirements/dev.lock
	@for part in service gateway backup build ha; do \
	  $(compile) requirements/$$part.in --constraint requirements/base.lock --output-file requirements/$$part.lock || exit 1; \
	done

##@ Help

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# What the targets above stand on: the libraries to run the hub, those to work on it as well, and what is generated.
.PHONY: .installed .installed-dev .generated .ready
.installed:
	@scripts/setup base

.installed-dev:
	@scripts/setup dev

.generated: .installed
	@$(python) -m build_tools.protos
	@$(python) -m build_tools.openapi

.ready: .installed-dev .generated
