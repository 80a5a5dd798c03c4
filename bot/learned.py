"""The learned models in service: those of the package, or those that an installation trained for itself.

The folder of `BOT_MODELS` holds one folder for each training and a file, `current`, that names one of them. Switching is replacing that
file at once: a running server reads the former models or the new ones whole, and going back is naming the former ones again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.engines.shipped import PARTS, SHIPPED
from bot.errors import ModelsMissing
from bot.settings import settings

CURRENT = "current"
PACKAGE = "paquet"
"""Names the models of the package."""
REASON = "malgré.txt"
"""Why models that lose confirmed answers were put in service all the same."""
_NAMED = "%Y%m%d-%H%M%S"


def trained_here() -> Path | None:
    """The folder of the models that this installation trains, `BOT_MODELS`; None when it keeps those of the package."""
    folder = settings().models
    return Path(folder) if folder else None


def in_service() -> Path:
    """The folder of the models in service.

    Raises:
        ModelsMissing: `current` names models that are not there whole.
    """
    root = trained_here()
    name = PACKAGE if root is None else serving(root)
    return SHIPPED if root is None or name == PACKAGE else named(root, name)


def serving(root: Path) -> str:
    """The name of the models in service, whole or not; `PACKAGE` when none was ever put in service."""
    current = root / CURRENT
    return current.read_text("utf-8").strip() if current.is_file() else PACKAGE


def named(root: Path, name: str) -> Path:
    """The folder of the models `name`.

    Raises:
        ModelsMissing: they are not there whole.
    """
    folder = root / name
    if Path(name).name != name or name.startswith(".") or not all((folder / part).is_file() for part in PARTS):
        raise ModelsMissing(f"Les modèles « {name} » ne sont pas complets dans {root}. La liste : python -m bot models")
    return folder


def versions(root: Path) -> list[str]:
    """The names of the trainings kept in `root`, newest first."""
    return sorted((file.parent.name for file in root.glob("[!.]*/confidence.json")), reverse=True)


@contextmanager
def training(root: Path, begun: datetime) -> Iterator[Path]:
    """A folder to train in, which holds the models in service; they take their place in `root`, and the service, when all went well.

    Yields:
        The folder; it is thrown away when the training fails.
    """
    root.mkdir(parents=True, exist_ok=True)
    name = begun.strftime(_NAMED)
    folder = root / f".{name}"
    folder.mkdir()
    try:
        for part in PARTS:
            shutil.copy(in_service() / part, folder)
        yield folder
        folder.rename(root / name)
        put_in_service(root, name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_service(root: Path, name: str) -> None:
    """Make `name` the models of this installation, `PACKAGE` those of the package; servers read them at their next look.

    Raises:
        ModelsMissing: they are not there whole.
    """
    if name == PACKAGE:
        (root / CURRENT).unlink(missing_ok=True)
        return
    named(root, name)
    written = root / f"{CURRENT}.new"
    written.write_text(f"{name}\n", "utf-8")
    written.replace(root / CURRENT)
