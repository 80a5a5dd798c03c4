# The commands of the project. `make run` and `make test` are those of the README.
.PHONY: rasa run test postgresql check format bench train lock clean

install = @deploy/setup.sh requirements-dev.lock
prepare = @.venv/bin/python -m knowledge migrate && .venv/bin/python -m knowledge load
suite = .venv/bin/python -m pytest -q -n 4 --dist worksteal
compile = .venv/bin/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml

run:  ## install once, prepare the content, serve on http://127.0.0.1:8000
	@deploy/setup.sh
	@.venv/bin/python -m api serve --prepare

test: ## every test whose real part (Chromium, Asterisk…) is on this machine: what computes, then what lives at the pace of a call
	$(install)
	@$(suite) -m "not (asterisk or paced)"
	@$(suite) -m "asterisk or paced"

postgresql: ## what stands on a database, on the PostgreSQL that ACCUEIL_TEST_DATABASE names; slow tests apart
	$(install)
	@$(suite) -m "database and not (slow or browser or asterisk or paced)"
	@$(suite) -m "database and not slow and (asterisk or paced)"

check: ## format, lint, types, import contracts, content
	$(install)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m knowledge check
	.venv/bin/python -m telephony check

format: ## put the code in the format that `check` wants
	$(install)
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: ## every measure, with its baseline; CORPUS=file of the national sheets, QUESTIONS=folder of development questions
	$(install)
	$(prepare)
	.venv/bin/python -m bot evaluate $(if $(CORPUS),--corpus $(CORPUS)) $(if $(QUESTIONS),--questions $(QUESTIONS))
	.venv/bin/python -m bench $(if $(CORPUS),--corpus $(CORPUS))

train: ## learn the shipped models again; CORPUS=file of the national sheets
	$(install)
	$(prepare)
	.venv/bin/python -m bot train --guides tests/questions $(if $(CORPUS),--corpus $(CORPUS))

lock: ## the hashed lock files, without hosts: make run, the container, development
	$(install)
	$(compile) -o requirements.lock
	$(compile) --extra postgresql -o requirements-server.lock
	$(compile) --extra dev --extra postgresql --extra pdf --extra pocketsphinx --extra vosk --extra sherpa --extra whisper -o requirements-dev.lock
	.venv/bin/python -m uv pip compile -q --python-version 3.10 --generate-hashes --no-emit-index-url --no-header --no-annotate deploy/rasa/requirements.in -o deploy/rasa/requirements.lock

rasa: ## make Rasa's environment (Python 3.10) once, train if need be, serve on http://127.0.0.1:5005; the secrets are in .env (docs/rasa.md)
	$(install)
	$(prepare)
	@deploy/rasa/setup.sh
	@.venv/bin/python -m bot rasa serve

clean: ## forget the environment, the local database and the index
	rm -rf .venv var build dist
