"""What is declared, locked, shipped and published: dependencies, wheel, container, rules of the house."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PACKAGES = ("knowledge", "bot", "telephony", "api")
LOCKS = {  # which extras each lock holds
    "requirements.lock": (),
    "requirements-server.lock": ("postgresql",),
    "requirements-dev.lock": ("dev", "postgresql", "pdf", "pocketsphinx", "vosk", "sherpa", "whisper"),
}
FLOORS = {"jinja2": "3.1.6", "starlette": "1.0.1", "python-multipart": "0.0.27", "torch": "2.10.0"}
"""Versions under which a flaw is known."""


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins(lock: str) -> dict[str, Version]:
    text = (ROOT / lock).read_text("utf-8")
    return {name: Version(version) for name, version in re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", text, re.MULTILINE)}


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    declared = project()["project"]
    lines = [*declared["dependencies"], *(line for extra in extras for line in declared["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def tracked() -> Iterator[Path]:
    """Every file of the project, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return (ROOT / name for name in dict.fromkeys(listed.stdout.splitlines()) if (ROOT / name).is_file())


# --- Dependencies --------------------------------------------------------------------------------------------------------


def test_the_packages_of_the_product_are_declared_where_they_are_needed() -> None:
    declared = project()["project"]
    names = {Requirement(line).name for line in declared["dependencies"]}
    extras = declared["optional-dependencies"]

    assert {"fastapi", "sqlalchemy", "jinja2", "asterisk-ami"} <= names
    assert [Requirement(line).name for line in extras["encoders"]] == ["huggingface-hub", "sentence-transformers", "torch"]
    assert [str(Requirement(line)) for line in extras["rasa"]] == ['rasa==3.6.21; python_version < "3.11"']


def test_make_run_installs_neither_torch_nor_the_encoders() -> None:
    for lock in ("requirements.lock", "requirements-server.lock"):
        assert not {"torch", "sentence-transformers", "transformers", "rasa"} & pins(lock).keys()


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_each_lock_is_that_of_what_is_declared(lock: str, extras: tuple[str, ...]) -> None:
    pinned = pins(lock)
    for requirement in wanted(extras):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, f"{requirement}: run make lock"
    asked_by_us = re.findall(
        r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(?:(?!^[a-z]).)*?accueil \(pyproject\.toml\)", (ROOT / lock).read_text(), re.M | re.S
    )
    assert set(asked_by_us) == {canonicalize_name(requirement.name) for requirement in wanted(extras)}, "run make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_its_hashes_and_no_known_flaw(lock: str) -> None:
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)
    for entry in filter(None, (entry.strip() for entry in entries)):
        assert "--hash=sha256:" in entry or entry.startswith("#"), entry.splitlines()[0]
    for name, version in pins(lock).items():
        assert version >= Version(FLOORS.get(name, "0")), name


def test_every_library_imported_by_the_product_is_declared() -> None:
    declared = {canonicalize_name(requirement.name) for requirement in wanted(tuple(project()["project"]["optional-dependencies"]))}
    owners = {**packages_distributions(), "pydantic_core": ["pydantic"]}  # pydantic pins the core it goes with
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for name in _imported(ast.parse(file.read_text("utf-8"))) - set(sys.stdlib_module_names) - set(PACKAGES):
                found = {canonicalize_name(owner) for owner in owners.get(name, [name])}
                assert found & declared, f"{file.relative_to(ROOT)} imports {name}"


def _imported(tree: ast.AST) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in names}


# --- Rules of the house --------------------------------------------------------------------------------------------------


def test_no_file_is_too_long_to_be_read_in_one_sitting() -> None:
    for path in tracked():
        if path.suffix == ".py" and path.parent.name != "versions":
            assert len(path.read_text("utf-8").splitlines()) <= 400, path


def test_no_file_names_a_package_host_nor_a_folder_of_one_machine() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "docker" + ".io", "gh" + "cr.io", "qu" + "ay.io")
    machine = re.compile("(?<![A-Za-z0-9_.])/(?:wo" + "rk|fa" + "rm|ro" + "ot|ho" + "me)/")
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        text = data.decode("utf-8")
        assert not [host for host in hosts if host in text], path
        assert not machine.search(text), path


def test_the_folders_import_each_other_only_as_the_contracts_allow() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout


# --- The wheel -----------------------------------------------------------------------------------------------------------


def test_every_package_folder_is_declared() -> None:
    folders = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "__pycache__" not in file.parts
    }

    assert set(project()["tool"]["setuptools"]["packages"]) == folders


@pytest.mark.slow
def test_the_wheel_holds_the_code_the_templates_the_contents_the_models_and_the_static_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in (*PACKAGES, "pyproject.toml", "README.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

    with zipfile.ZipFile(next(tmp_path.glob("accueil-*.whl"))) as wheel:
        shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    present = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert shipped == present


# --- The container -------------------------------------------------------------------------------------------------------


def test_the_container_has_no_default_secret_no_root_and_nothing_to_write_but_its_state() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    api = services["api"]

    assert api["environment"]["API_SECRET"].startswith("${API_SECRET:?")
    assert api["environment"]["API_DEMO"] == "false"
    assert services["base"]["profiles"] == ["postgresql"]
    assert services["base"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:-}"
    for service in services.values():
        assert service["read_only"] is True
        assert service["user"] not in ("root", "0")
        assert service["cap_drop"] == ["ALL"]
        assert {"healthcheck", "volumes", "tmpfs"} <= service.keys()


IMAGES = ("deploy/Dockerfile", "deploy/telephony.Dockerfile", "deploy/asterisk/Dockerfile", "deploy/rasa/Dockerfile")


def test_the_images_copy_only_what_exists_and_what_is_sent_to_them() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    written = {image: (ROOT / image).read_text("utf-8").splitlines() for image in IMAGES}
    copied = {line.split()[1] for lines in written.values() for line in lines if line.startswith("COPY ") and "--from" not in line}

    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)
    assert all("USER accueil" in lines for lines in written.values())


@pytest.mark.parametrize("image", [*IMAGES[:2], IMAGES[3]])
def test_an_image_with_python_installs_the_hashed_lock(image: str) -> None:
    lines = (ROOT / image).read_text("utf-8").splitlines()

    assert any("--require-hashes -r /tmp/requirements-server.lock" in line for line in lines)


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        ("sh", "deploy/setup.sh"),
        ("bash", ".ci/run"),
        ("sh", "deploy/asterisk/start.sh"),
        ("sh", "deploy/asterisk/build-rootfs.sh"),
        ("sh", "deploy/rasa/setup.sh"),
    ],
)
def test_the_scripts_can_be_run_as_they_are(shell: str, script: str) -> None:
    path = ROOT / script

    assert path.stat().st_mode & 0o111
    assert subprocess.run([shell, "-n", path], capture_output=True).returncode == 0
