PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: demo test serve benchmark goldens docs lint setup

demo: setup       ## semantic search: make demo QUESTION="May I criticise the government?"
	@$(RUN) scripts/demo.py $(if $(QUESTION),"$(QUESTION)")

test:             ## every test; make test TASK=fill-mask for one task's
	@$(PYTHON) scripts/setup.py test
	@$(RUN) -m pytest -n 2 $(if $(TASK),--task $(TASK) --hostile-requests 320)

serve: setup      ## serve what is installed; make serve NAMES="fill-mask feature-extraction"
	@$(RUN) scripts/serve.py $(NAMES)

benchmark:        ## served speed against pipeline(); make benchmark TASK=text-classification
	@$(PYTHON) scripts/setup.py benchmark
	@$(RUN) scripts/benchmark.py $(TASK)

goldens:          ## record tests/goldens again, from transformers 4.48.1 in .oracle
	@$(PYTHON) scripts/setup.py test && $(PYTHON) scripts/setup.py oracle
	@$(RUN) scripts/make_checkpoints.py && .oracle/bin/python scripts/record_goldens.py $(TASK)

docs:             ## the documentation as a site, in site/
	@$(PYTHON) scripts/setup.py docs
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet

lint:             ## format, lint, types
	@$(PYTHON) scripts/setup.py test
	@$(RUN) -m ruff format --check . && $(RUN) -m ruff check . && $(RUN) -m mypy

setup:
	@$(PYTHON) scripts/setup.py
