"""What the documentation says is what the program does: settings, errors, commands, links."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
import yaml
from pydantic_settings import BaseSettings

from api.errors import ApiError
from api.settings import ApiSettings
from bot.errors import BotError
from bot.settings import BotSettings
from knowledge.errors import KnowledgeError
from knowledge.settings import KnowledgeSettings
from telephony.errors import TelephonyError
from telephony.settings import TelephonySettings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS: tuple[type[BaseSettings], ...] = (KnowledgeSettings, BotSettings, TelephonySettings, ApiSettings)
ROOM = "knowledge|bot|telephony|api|bench|tests|deploy|docs|.ci"


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def code_of(text: str) -> Iterator[str]:
    """What a document shows as code: spans between back quotes, and indented lines."""
    yield from re.findall(r"`([^`\n]+)`", text)
    yield from (line.strip() for line in text.splitlines() if line.startswith("    "))


def table_rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


# --- Settings ------------------------------------------------------------------------------------------------------------


def _default(shape: type[BaseSettings], name: str) -> object:
    return shape.model_fields[name].get_default(call_default_factory=True)


def _written(value: object) -> str:
    """A default as it is written in a .env file."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:g}"
        case list():
            return json.dumps(value)
        case tuple():
            return ",".join(value)
        case Path() if value.is_absolute():
            return value.relative_to(ROOT).as_posix()
        case _:
            return str(value)


def declared() -> Mapping[str, str]:
    """Every setting of the code, with its default as written."""
    return {
        f"{shape.model_config.get('env_prefix', '')}{name}".upper(): _written(_default(shape, name))
        for shape in SETTINGS
        for name in shape.model_fields
    }


def test_every_setting_is_documented_with_its_default_and_no_other_is() -> None:
    rows = [row for row in table_rows(read("docs/settings.md")) if re.match("`(KNOWLEDGE|BOT|TELEPHONY|API)_", row[0])]

    assert {row[0].strip("`"): row[1].strip("`").replace("vide", "") for row in rows} == declared()
    assert all(len(row) == 3 and len(row[2]) > 10 for row in rows)


def test_the_sample_settings_name_every_setting_with_its_default() -> None:
    lines = [line for line in read(".env.example").splitlines() if re.match("#?[A-Z_]+=", line)]

    assert dict(line.lstrip("#").split("=", 1) for line in lines) == declared()


def test_a_sample_whose_lines_are_all_uncommented_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in declared():
        monkeypatch.delenv(name, raising=False)
    sample = tmp_path / ".env"
    sample.write_text(re.sub("^#(?=[A-Z_]+=)", "", read(".env.example"), flags=re.MULTILINE), "utf-8")

    for shape in SETTINGS:
        read_back = shape(_env_file=sample)
        for name in shape.model_fields:
            assert _written(getattr(read_back, name)) == _written(_default(shape, name)), name


def test_what_tests_and_measures_read_from_the_environment_is_documented() -> None:
    programs = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/**/*.py")]
    asked = re.compile(r"""(?:environ(?:\.\w+)?[\[(]|_path\()"(ACCUEIL_[A-Z_]+)""")  # the line's call events bear such names too
    named = {name for program in programs for name in asked.findall(program.read_text("utf-8"))}
    named |= {name for script in (".ci/run", "Makefile") for name in re.findall(r"\bACCUEIL_[A-Z_]+\b", read(script))}

    assert {row[0].strip("`") for row in table_rows(read("docs/settings.md")) if "`ACCUEIL_" in row[0]} == named


# --- Errors --------------------------------------------------------------------------------------------------------------


def _tree(error: type[Exception]) -> set[type[Exception]]:
    return {error}.union(*(_tree(kind) for kind in error.__subclasses__()))


def errors() -> set[str]:
    """The names of every error of the product, wherever its class is written."""
    for package in ("knowledge", "bot", "telephony", "api"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.endswith(("__main__", ".rasa_component")) and ".migrations" not in module.name:
                import_module(module.name)
    found = set().union(*(_tree(root) for root in (KnowledgeError, BotError, TelephonyError, ApiError)))
    return {kind.__name__ for kind in found if kind.__module__.split(".")[0] in ("knowledge", "bot", "telephony", "api")}


def test_every_error_is_explained_to_the_citizen_the_agent_and_the_installer() -> None:
    rows = [row for row in table_rows(read("docs/errors.md")) if re.match(r"`[A-Z]\w+`$", row[0])]

    assert sorted(row[0].strip("`") for row in rows) == sorted(errors())
    assert all(len(row) == 5 and all(row) for row in rows)


def test_the_sentences_quoted_from_the_interface_are_those_it_says() -> None:
    problems = yaml.safe_load(read("api/templates/texts.yml"))["fr"]["problems"].values()
    said = {re.sub(r"\{\w+\}", "…", text).rstrip(".… ") for text in problems}
    citizens = " ".join(row[2] for row in table_rows(read("docs/errors.md")) if len(row) == 5)

    for quoted in re.findall("« (.+?) »", citizens):
        assert quoted.rstrip(".… ") in said


def test_the_sentences_quoted_from_the_installation_are_those_it_says() -> None:
    script = read("deploy/setup.sh")
    _, installation = read("docs/errors.md").split("## Installation")

    for row in table_rows(installation):
        for quoted in re.findall("« (.+?) »", row[0]):
            assert quoted in script


# --- README, commands, links ---------------------------------------------------------------------------------------------


def test_the_readme_fits_two_screens_and_names_both_commands() -> None:
    readme = read("README.md")

    assert len(readme.splitlines()) <= 160
    assert {"make run", "make test"} <= {shown.split("#")[0].strip() for shown in code_of(readme)}
    assert "Source : service-public.fr (DILA)" in readme


def test_every_folder_of_the_product_is_on_the_map() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    folders = {name.split("/")[0] for name in tracked if "/" in name and not name.startswith(".")}

    for folder in folders:
        assert f"[{folder}/]({folder})" in read("README.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_local_link_and_path_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|mailto:|#", target):
            assert (document.parent / target.split("#")[0]).exists(), target
    for path in re.findall(rf"`((?:{ROOM})/[^`\s]*)`", text):
        if "<" not in path:
            assert any(ROOT.glob(path.rstrip("/"))), path


def commands() -> list[str]:
    """Every `python -m …` of the documents, without comments nor redirections."""
    shown = (line for document in DOCUMENTS for line in code_of(document.read_text("utf-8")))
    return sorted({re.split(r" [#>] ?", match[1])[0].strip() for line in shown if (match := re.search(r"python -m (\w.*)", line))})


@pytest.mark.parametrize("command", commands())
def test_every_command_cited_exists_with_its_options(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, *arguments = shlex.split(command)
    assert module in ("knowledge", "bot", "telephony", "api", "bench")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", [f"python -m {module}", *arguments, "--help"])

    with pytest.raises(SystemExit) as stopped:
        import_module(f"{module}.__main__").main()
    told = capsys.readouterr()
    assert stopped.value.code == 0, told.err
    for option in arguments:
        assert not option.startswith("-") or option in told.out


def test_every_make_target_cited_exists_and_every_target_is_declared() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = [line for document in DOCUMENTS for line in code_of(document.read_text("utf-8"))]
    cited = {target for line in shown for target in re.findall(r"^make ([a-z]+)", line)}

    assert {"run", "test", "check", "bench"} <= cited <= targets
    assert set(re.findall(r"^\.PHONY: (.+)", makefile, re.MULTILINE)[0].split()) == targets


def test_each_decision_says_its_situation_its_choice_and_its_price() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text("utf-8")
        assert all(f"**{part}.**" in text for part in ("Situation", "Choice", "Price")), path.name
