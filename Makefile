# The chores. `make` lists them.
PYTHON ?= python3
KERNELS ?= x86-64-v2,x86-64-v3,x86-64-v4

.PHONY: help setup check test types lint format site pages man release clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1  /p' $(MAKEFILE_LIST) | sort

setup: ## install for work on it, with what the tests and the site need
	$(PYTHON) -m pip install -e '.[test,docs]'

check: ## all that must pass before a change is proposed, in an environment of its own
	.ci/run

test: ## the tests alone
	$(PYTHON) -m pytest

lint: ## ruff
	ruff check . && ruff format --check .

format: ## ruff, which changes files
	ruff check --fix . && ruff format .

types: ## mypy over the package and the tests
	mypy && mypy --config-file tests/mypy.ini

site: ## the documentation in site/
	mkdocs build --strict

pages: ## run the pages of docs/ and make their pictures again
	$(PYTHON) docs/make_pictures.py

man: ## the manual page
	$(PYTHON) -m imgconv man > docs/imgconv.1

release: ## all tests, sdist and wheels in dist/ (two with compiled kernels), documentation in site/
	$(PYTHON) -m pip install --quiet build '.[docs]'
	$(PYTHON) -m pytest --long
	$(PYTHON) -m build
	IMGCONV_KERNELS=$(KERNELS) $(PYTHON) -m build --wheel
	IMGCONV_KERNELS=aarch64 $(PYTHON) -m build --wheel
	mkdocs build --strict

clean: ## what can be made again
	rm -rf build dist site out .mypy_cache .pytest_cache .ruff_cache
