# The commands of the project. `make run` and `make test` are those of the README.
.PHONY: run test check format bench lock train clean

run:  ## install once, prepare the content, serve on http://127.0.0.1:8000
	@deploy/setup.sh
	@.venv/bin/python -m api serve --prepare

test: ## every test whose real part (Chromium, PostgreSQL…) is on this machine
	@deploy/setup.sh requirements-dev.lock
	@.venv/bin/python -m pytest

check: ## format, lint, types, import contracts, content
	@deploy/setup.sh requirements-dev.lock
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m knowledge check --quiet

format:
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: ## every measure, with its baseline; CORPUS=path of the national sheets, QUESTIONS=folder of development questions
	@deploy/setup.sh requirements-dev.lock
	.venv/bin/python -m bench $(if $(CORPUS),--corpus $(CORPUS)) $(if $(QUESTIONS),--questions $(QUESTIONS))

train: ## learn the shipped models again
	.venv/bin/python -m bot train $(if $(CORPUS),--corpus $(CORPUS))

lock: ## the two hashed lock files, without hosts
	.venv/bin/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock
	.venv/bin/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev --extra postgresql --extra pdf pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv var build dist
