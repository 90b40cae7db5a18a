# Two commands are all the set-up: `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo live test check lint lock texts proto release-proto clean screenshots

help: ## show this
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing: Python environment, Java, Maven, Kafka
	@deploy/setup.sh run

setup-test: ## the same, and what the tests use: Chromium, Prometheus, PostgreSQL
	@deploy/setup.sh test

demo: setup ## play the sample stream through the whole product; Ctrl-C stops everything
	@.venv/bin/mythwatch demo

live: setup ## the same with the public Bluesky stream as source (needs internet)
	@.venv/bin/mythwatch demo --live

test: setup-test check ## every check and every test, two files at a time
	@.venv/bin/python -m pytest -n 2 --dist loadfile

check: setup ## linters, types, import rules, knowledge base
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check -q .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/mythwatch myths check

lint: setup ## mend what the linters can mend
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

lock: setup ## resolve requirements*.in into requirements.lock, deploy/image.lock and deploy/installer.lock (hashes, no addresses)
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header requirements.in requirements-dev.in -o requirements.lock
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header -c requirements.lock requirements.in -o deploy/image.lock
	@echo uv | .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header - -o deploy/installer.lock

texts: setup ## bring the translations (services/alert/locale) up to date with the sentences in the code
	@cd services/alert && for po in locale/*.po; do \
	  ../../.venv/bin/pybabel -q extract -F locale/extract.cfg -k later -k number:2,3 --no-location --sort-output -o .texts.pot . && \
	  ../../.venv/bin/pybabel -q update -i .texts.pot -o $$po -l $$(basename $$po .po) --no-fuzzy-matching --ignore-obsolete --omit-header -w 110; done; rm -f .texts.pot

proto: setup ## generate services/stream/events_pb2.py from proto/events.proto
	@.venv/bin/python -m grpc_tools.protoc -Iproto --python_out=services/stream --pyi_out=services/stream proto/events.proto

release-proto: setup ## keep the contract as it is now under proto/released/
	@.venv/bin/python -m grpc_tools.protoc -Iproto --include_imports \
	  --descriptor_set_out=proto/released/events-v$$(.venv/bin/python -c 'import importlib.metadata as m; print(m.version("mythwatch"))').binpb proto/events.proto

screenshots: setup-test ## draw the README's pictures from a running demo
	@.venv/bin/mythwatch demo --screenshots docs/pictures

clean: ## stop what runs and remove all state
	@[ ! -x .venv/bin/mythwatch ] || .venv/bin/mythwatch broker stop
	@rm -rf .mythwatch
