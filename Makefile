.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: a package index may make pip warn for each package.
PIP := -m pip install --quiet --quiet --disable-pip-version-check
INSTALL := $(BIN)/python $(PIP)
LOCKER := build/locker
OFFLINE_TERRAFORM ?= ../shared/tools/terraform-offline/check
BQEMULATOR := build/bqemulator
CHROMIUM ?= /usr/bin/chromium
AXE := build/axe-core
AXE_VERSION := 4.14.1
AXE_SHA256 := e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
SCHEMATHESIS := build/schemathesis
COMPILE = $(LOCKER)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

.PHONY: help
help:
	@echo 'prograde: usage is make TARGET'
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: $(VENV)/.local-installed ## Grade a made-up market against the practice API, offline
	@$(BIN)/python -m prograde.entrypoints.demo

##@ Change it

.PHONY: test
test: $(VENV)/.dev-installed ## Run the tests; PYTEST='-k grading -x' passes arguments on
	@$(BIN)/python -m pytest $(PYTEST)

.PHONY: test-long
test-long: $(VENV)/.dev-installed ## Run the tests that take minutes: a hundred kills, the pace of whole runs
	@$(BIN)/python -m pytest -m long -s $(PYTEST)

.PHONY: fuzz
fuzz: $(VENV)/.dev-installed ## Send malformed answers and files to every reader; EXAMPLES=5000 of each kind
	@$(BIN)/python -m pytest tests/fuzz --hypothesis-profile=fuzz $(PYTEST)

.PHONY: test-api
test-api: $(VENV)/.dev-installed $(SCHEMATHESIS)/.installed ## Generate requests from the HTTP API's description: EXAMPLES=600 of each kind
	@$(BIN)/python -m tests.web.generated $(SCHEMATHESIS)/bin/schemathesis $(if $(EXAMPLES),--examples $(EXAMPLES))

.PHONY: test-gcp
test-gcp: $(VENV)/.dev-installed $(BQEMULATOR)/.installed ## Run the cloud family against strict stand-ins for Google's services
	@$(BIN)/python -m pytest -m gcp --hypothesis-profile=few $(PYTEST) tests/gcp

.PHONY: test-web
test-web: $(VENV)/.dev-installed $(AXE)/.unpacked ## Drive the pages with Chromium: the whole story, axe, pictures in build/screenshots
	@command -v $(CHROMIUM) >/dev/null || \
		{ echo 'make test-web needs Chromium (apt-get install chromium), or CHROMIUM=where-it-is' >&2; exit 1; }
	@CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest -m web tests/browser $(PYTEST)

.PHONY: format
format: $(VENV)/.dev-installed ## Format the code and mend what the linter can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: simulate
simulate: $(VENV)/.dev-installed ## Simulate batches under seeded faults: RUNS=500 seeds, or one with its log, SEED=7
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(if $(WRITE),--write)

.PHONY: mutants
mutants: $(VENV)/.dev-installed ## Break the protocol on purpose: does the simulation notice? WRITE=1 keeps at which seed
	@$(BIN)/python -m tests.simulation.hunting $(if $(WRITE),--write)

##@ Check it

.PHONY: check
check: static test ## What should hold before a commit

.PHONY: static
static: layout lint types imports ## All that needs no test

.PHONY: test-quick test-runs
test-quick: ## The tests without those of whole runs: CI has them in two lanes
	@$(MAKE) --no-print-directory test PYTEST='--ignore=tests/e2e --ignore=tests/use_cases'

test-runs: ## The tests of whole runs
	@$(MAKE) --no-print-directory test PYTEST='tests/e2e tests/use_cases'

.PHONY: layout
layout: $(VENV)/.dev-installed ## Is the code formatted?
	@$(BIN)/ruff format --check

.PHONY: lint
lint: $(VENV)/.dev-installed ## Does the linter object?
	@$(BIN)/ruff check

.PHONY: types
types: $(VENV)/.dev-installed ## Do the types hold?
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev-installed ## Does every import point inwards?
	@$(BIN)/lint-imports

.PHONY: test-infra
test-infra: $(VENV)/.dev-installed ## Terraform, offline: validate, test, plan, apply twice into a stand-in; tie the plan to the code
	@command -v terraform >/dev/null || { echo 'make test-infra needs terraform 1.9 or newer' >&2; exit 1; }
	@test -x $(OFFLINE_TERRAFORM) || { echo 'make test-infra needs the stand-in providers in $(OFFLINE_TERRAFORM)' >&2; exit 1; }
	@$(OFFLINE_TERRAFORM) infra/terraform
	@# Its tests have run now; the plans are made of a copy without them.
	@mkdir -p build && rm -rf build/plans build/terraform && cp -r infra/terraform build/terraform && rm build/terraform/tests/*.hcl
	@set -e; for variables in infra/terraform/environments/*.tfvars tests/infra/everything.tfvars; do \
		plan=$(CURDIR)/build/plans/$$(basename $$variables .tfvars); mkdir -p $$plan; echo "--- $$variables"; \
		TF_OFFLINE_OUT=$$plan TF_VAR_package_dir=tests/packages $(OFFLINE_TERRAFORM) build/terraform $$variables; \
	done
	@$(BIN)/python -m pytest -m infra tests/infra $(PYTEST)

.PHONY: benchmark
benchmark: $(VENV)/.dev-installed ## What does a page cost? WRITE=1 puts the table in docs/performance.md
	@$(BIN)/python -m tests.benchmarks $(if $(WRITE),--write)

.PHONY: benchmark-instructions
benchmark-instructions: $(VENV)/.dev-installed ## How many of Python's instructions does a page take? A count, and no timing
	@$(BIN)/python -m tests.benchmarks.instructions

.PHONY: benchmark-pages
benchmark-pages: $(VENV)/.dev-installed ## How quickly do pages answer with half a million professionals stored?
	@$(BIN)/python -m tests.benchmarks.pages_at_size

##@ Run it on Google Cloud

.PHONY: package
package: ## Write build/{start-batch,fetch-page,finalize}.zip: the same files give the same bytes
	@$(PYTHON) infra/package.py build

.PHONY: deploy
deploy: ## Package and apply: make deploy ENV=staging; terraform shows its plan and asks (docs/deploy.md)
	@test -f infra/terraform/environments/$(ENV).tfvars || \
		{ echo 'say which deployment: make deploy ENV=staging (infra/terraform/environments/*.tfvars)' >&2; exit 2; }
	@$(MAKE) --no-print-directory package
	@terraform -chdir=infra/terraform init -reconfigure -backend-config=environments/$(ENV).gcs.tfbackend
	@terraform -chdir=infra/terraform apply -var-file=environments/$(ENV).tfvars

##@ Keep house

.PHONY: schemas
schemas: $(VENV)/.dev-installed ## Write the warehouse's schema files and the HTTP API's description from the code
	@$(BIN)/python -m tests.infra.table_schemas
	@$(BIN)/python -m prograde.entrypoints.web.openapi

.PHONY: lock
lock: $(LOCKER)/bin/uv ## Write requirements/*.txt from pyproject.toml; UPGRADE=1 moves every pin
	$(COMPILE) --group lock --output-file requirements/lock.txt
	$(COMPILE) pyproject.toml --extra gcp --extra local --group build --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra local --group build --constraints requirements/dev.txt \
		--output-file requirements/local.txt
	$(COMPILE) pyproject.toml --extra gcp --constraints requirements/dev.txt --output-file requirements/gcp.txt
	$(COMPILE) --group bqemulator --output-file requirements/bqemulator.txt
	$(COMPILE) --group schemathesis --output-file requirements/schemathesis.txt

.PHONY: clean
clean: ## Remove what make made, the virtual environment included
	rm -rf $(VENV) build shared/prograde.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find functions shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is older than what it was installed from, or nothing is fetched: an installed checkout works offline.
$(VENV)/.local-installed: requirements/local.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo 'Installing what one machine needs into $(VENV)'
	@$(INSTALL) --require-hashes --requirement requirements/local.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-installed: requirements/dev.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo 'Installing what development needs into $(VENV)'
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.local-installed $@

# DuckDB looks for its extensions in a home folder, and would otherwise fetch them.
$(BQEMULATOR)/.installed: requirements/bqemulator.txt
	@echo 'Installing a stand-in for BigQuery into $(BQEMULATOR)'
	@$(PYTHON) -m venv $(BQEMULATOR)
	@$(BQEMULATOR)/bin/python $(PIP) --require-hashes --requirement $<
	@mkdir -p $(BQEMULATOR)/home/.duckdb/extensions
	@$(BQEMULATOR)/bin/python -c "import shutil, duckdb, duckdb_extension_spatial as e, pathlib; \
		platform = duckdb.sql('PRAGMA platform').fetchone()[0]; \
		home = pathlib.Path('$(BQEMULATOR)/home/.duckdb/extensions'); \
		[shutil.copytree(f, home / f.name / platform, dirs_exist_ok=True) \
		for f in pathlib.Path(e.__file__).parent.joinpath('extensions').iterdir()]"
	@touch $@

# A rule book for accessibility, which only tests read.
$(AXE)/.unpacked:
	@command -v npm >/dev/null || { echo 'make test-web needs npm, to fetch axe-core' >&2; exit 1; }
	@mkdir -p $(AXE)
	@cd $(AXE) && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null
	@echo '$(AXE_SHA256)  $(AXE)/axe-core-$(AXE_VERSION).tgz' | sha256sum --check --quiet
	@tar --extract --gzip --file $(AXE)/axe-core-$(AXE_VERSION).tgz --directory $(AXE)
	@touch $@

$(SCHEMATHESIS)/.installed: requirements/schemathesis.txt
	@echo 'Installing what generates requests into $(SCHEMATHESIS)'
	@$(PYTHON) -m venv $(SCHEMATHESIS)
	@$(SCHEMATHESIS)/bin/python $(PIP) --require-hashes --requirement $<
	@touch $@

$(LOCKER)/bin/uv: requirements/lock.txt
	@$(PYTHON) -m venv $(LOCKER)
	@$(LOCKER)/bin/python $(PIP) --require-hashes --requirement $<
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'prograde needs Python 3.11 or newer, and $(PYTHON) is not: try make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) cannot make virtual environments: install its venv package (python3-venv on Debian)' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
