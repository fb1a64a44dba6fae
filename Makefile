# Each target is a line that you can run by hand. `local/bootstrap` makes .venv first and does nothing when it is there.
PYTHON_RUN = .venv/bin/python

.PHONY: demo up down test lint build validate bench fuzz openapi scan faults load storm lock environment
.DEFAULT_GOAL := demo

environment:
	@./local/bootstrap

# The scripted dialogue, then a page to play with. ARGS=--once ends after the dialogue. CRM=... shows another CRM than amoCRM.
demo: environment
	$(PYTHON_RUN) -m local.demo $(if $(CRM),--crm $(CRM)) $(ARGS)

# The same stack in the background, described by .local/stack.json. MODEL_BASE_URL=... MODEL=... use another model.
up: environment
	$(PYTHON_RUN) -m local.stack up $(if $(MODEL_BASE_URL),--model-base-url $(MODEL_BASE_URL)) $(if $(MODEL),--model $(MODEL)) $(if $(CRM),--crm $(CRM))

down: environment
	$(PYTHON_RUN) -m local.stack down

test: environment
	$(PYTHON_RUN) -m pytest $(ARGS)

lint: environment
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

# For AWS, with bytecode; then `sam deploy`. ARGS="Architecture=x86_64 Runtime=python3.12" changes the template's defaults.
build: environment
	$(PYTHON_RUN) -m local.stack build $(ARGS)

validate: environment
	$(PYTHON_RUN) -m local.stack validate

bench: environment
	$(PYTHON_RUN) -m tests.bench $(ARGS)

# 100,000 random webhooks of each CRM with words planted in them. ARGS="--crm amocrm --bodies 5000 --seed 1" chooses a run.
fuzz: environment
	$(PYTHON_RUN) -m tests.security.fuzz $(ARGS)

# schemathesis tries the webhook of a CRM of one's own by docs/openapi-custom.yaml. ARGS="--max-examples 2000" tries longer.
openapi: environment
	$(PYTHON_RUN) -m tests.openapi $(ARGS)

# ruff's security rules, checkov on the template, known holes of the locked packages where an advisory service answers.
scan: environment
	$(PYTHON_RUN) -m local.scan

# 20,000 conversations under faults, then the protocol's rules taken out one by one. SEED=7 TALK=c3 replays one run instead.
faults: environment
	$(PYTHON_RUN) -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(TALK),--talk $(TALK)) $(ARGS)
	$(if $(SEED),,$(PYTHON_RUN) -m tests.faults.mutations)

# Outages and slow neighbours in simulated time: how long customers wait, how often accounts are called. ARGS=--minutes tells more.
load: environment
	$(PYTHON_RUN) -m tests.load $(ARGS)

# 2,000 customers of 40 accounts on the deployed template, everything failing a little. SEED=7 repeats the traffic, ARGS=--small is quick.
storm: environment
	$(PYTHON_RUN) -m tests.storm $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: environment
	$(PYTHON_RUN) -m local.stack lock
