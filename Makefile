# Everything a checkout needs is made here. Only Python 3.11 or newer is asked for: make PYTHON=python3.12 demo
PYTHON ?= python3
WORKERS ?= 3
ARGS ?=
UPGRADE ?=
UV_VERSION := 0.13.9

PIP := -m pip --disable-pip-version-check --no-input -qq
LAMBDA_LOCK := src/orderlake/deploy/lambda.txt
NAIVE := benchmarks/peers/naive_lambda
LOCK_STYLE = --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet $(UPGRADE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo dbt aws spark test check format bench lock clean python browser java

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.ready ## Load sample orders into a lake on this machine and query it
	@ORDERLAKE="$(CURDIR)/.venv/bin/orderlake" bash examples/demo.sh

dbt: .venv/.dbt ## Add what `orderlake build` needs to the orderlake that `make demo` installs
	@echo "Marts: export PATH=\"$(CURDIR)/.venv/bin:\$$PATH\", then orderlake build --help"

spark: .venv/.spark java ## Add what `orderlake backfill --runner spark` needs to the orderlake that `make demo` installs
	@echo "Spark: export PATH=\"$(CURDIR)/.venv/bin:\$$PATH\", then orderlake backfill --help"

aws: .venv/.aws ## Add what AWS needs to the orderlake that `make demo` installs
	@echo "orderlake on AWS: export PATH=\"$(CURDIR)/.venv/bin:\$$PATH\", then orderlake deploy --help"

test: .venv-dev/.ready .venv-lambda/.ready .venv-tools/.locked browser java ## Run the tests (ARGS="-k merge" narrows them)
	@PLAYWRIGHT_BROWSERS_PATH="$(CURDIR)/.venv-browser" .venv-dev/bin/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS) tests

check: .venv-dev/.ready ## Lint, formatting, types and layers
	@status=0; for tool in "ruff check" "ruff format --check" mypy "lint-imports --no-logo"; do \
	  echo "-- $$tool"; .venv-dev/bin/$$tool || status=1; done; exit $$status

format: .venv-dev/.ready ## Apply the formatter and the safe lint fixes
	.venv-dev/bin/ruff check --fix
	.venv-dev/bin/ruff format

bench: .venv-bench/.ready .venv-dev/.ready .venv-lambda/.ready ## Measure orderlake beside its peers (ARGS go to python -m benchmarks)
	@.venv-bench/bin/python -m benchmarks $(ARGS)

lock: .venv-lock/.ready ## Renew requirements/*.txt from pyproject.toml (UPGRADE=--upgrade moves the pins)
	@set -e; for name in runtime console aws dbt spark dev bench; do \
	  extra=""; if [ $$name != runtime ]; then extra="--extra $$name --constraints requirements/runtime.txt"; fi; \
	  if [ $$name = dbt ]; then extra="$$extra --extra lineage"; fi; \
	  .venv-lock/bin/uv pip compile pyproject.toml --group build $$extra --output-file requirements/$$name.txt \
	    --universal --python-version 3.11 --no-strip-extras $(LOCK_STYLE); \
	  echo "requirements/$$name.txt"; \
	done
	@.venv-lock/bin/uv pip compile pyproject.toml --extra aws --constraints requirements/dev.txt --output-file $(LAMBDA_LOCK) \
	  --python-platform x86_64-manylinux_2_28 --python-version 3.11 --no-strip-extras $(LOCK_STYLE) && echo "$(LAMBDA_LOCK)"
	@.venv-lock/bin/uv pip compile --group tools --output-file requirements/tools.txt \
	  --universal --python-version 3.11 --no-strip-extras $(LOCK_STYLE) && echo requirements/tools.txt
	@.venv-lock/bin/uv pip compile $(NAIVE)/requirements.in --constraints requirements/dev.txt --output-file $(NAIVE)/requirements.txt \
	  --python-platform x86_64-manylinux_2_28 --python-version 3.11 $(LOCK_STYLE) && echo "$(NAIVE)/requirements.txt"
	@echo aws-sam-cli | .venv-lock/bin/uv pip compile - --no-deps --output-file requirements/rie.txt \
	  --universal --python-version 3.11 $(LOCK_STYLE) && echo requirements/rie.txt

clean: ## Remove everything that can be made again
	rm -rf .venv .venv-dev .venv-bench .venv-lock .venv-lambda .venv-tools .venv-browser build dist src/*.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* htmlcov
	find src tests benchmarks examples -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# A virtual environment is made in two steps, each with a stamp: the locked packages (again when the lock changes), then
# orderlake itself, editable and offline (again when pyproject.toml changes).
python:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "No '$(PYTHON)' here. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "orderlake needs Python 3.11 or newer, and '$(PYTHON)' is $$("$(PYTHON)" --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 ..." >&2; exit 1; }

define environment
$(1)/.locked: requirements/$(2).txt | python
	@echo "Making $(1) from requirements/$(2).txt ..."
	@rm -rf $(1)
	@"$(PYTHON)" -m venv $(1)
	@$(1)/bin/python $(PIP) install --require-hashes --requirement requirements/$(2).txt
	@touch $$@

$(1)/.ready: $(1)/.locked pyproject.toml
	@$(1)/bin/python $(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $$@
endef

$(eval $(call environment,.venv,console))
$(eval $(call environment,.venv-dev,dev))
$(eval $(call environment,.venv-bench,bench))
# checkov, which scans the Terraform module: packages only, so that `make .venv-tools/.locked` is all of it.
$(eval $(call environment,.venv-tools,tools))

.venv/.aws: requirements/aws.txt .venv/.ready
	@echo "Adding requirements/aws.txt to .venv ..."
	@.venv/bin/python $(PIP) install --require-hashes --requirement requirements/aws.txt
	@touch $@

.venv/.dbt: requirements/dbt.txt .venv/.ready
	@echo "Adding requirements/dbt.txt to .venv ..."
	@.venv/bin/python $(PIP) install --require-hashes --requirement requirements/dbt.txt
	@touch $@

.venv/.spark: requirements/spark.txt .venv/.ready
	@echo "Adding requirements/spark.txt to .venv ..."
	@.venv/bin/python $(PIP) install --require-hashes --requirement requirements/spark.txt
	@touch $@

# What the tests of the Lambda package need and may not fetch themselves: the runtime interface emulator, which is one file
# in the wheel of AWS's SAM CLI (nothing of that runs), and the wheels that go into the package.
.venv-lambda/.ready: requirements/rie.txt $(LAMBDA_LOCK) | .venv-dev/.ready
	@rm -rf .venv-lambda
	@.venv-dev/bin/python $(PIP) install --require-hashes --no-deps --target .venv-lambda/rie --requirement requirements/rie.txt
	@.venv-dev/bin/python $(PIP) download --require-hashes --no-deps --only-binary=:all: --dest .venv-lambda/wheels \
	  --requirement $(LAMBDA_LOCK)
	@touch $@

# A browser for the console's tests: the machine's own; else Debian's, where we may install it; else Playwright's.
browser: | .venv-dev/.ready
	@if command -v chromium || command -v chromium-browser || command -v google-chrome || [ -d .venv-browser ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	  echo "Installing chromium ..."; apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; \
	else PLAYWRIGHT_BROWSERS_PATH="$(CURDIR)/.venv-browser" .venv-dev/bin/python -m playwright install chromium; fi >/dev/null

# A Java for Spark: the machine's own, else Debian's, where we may install it; else `backfill --runner spark` says what to do.
java:
	@if command -v java || [ -n "$$JAVA_HOME" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	  echo "Installing openjdk-17-jre-headless ..."; \
	  apt-get -qq update && apt-get -qq install --yes --no-install-recommends openjdk-17-jre-headless; \
	else echo "No Java here, which Spark runs on: install a Java 17."; fi >/dev/null

.venv-lock/.ready: Makefile | python
	@rm -rf .venv-lock
	@"$(PYTHON)" -m venv .venv-lock
	@.venv-lock/bin/python $(PIP) install uv==$(UV_VERSION)
	@touch $@
