"""The folder LINE, which Asterisk reads: one file decides which version is in service, and is replaced in one move.

    live.conf                          the version in service, and those on which calls may still be running
    queues.conf                        its queues
    versions/<number>-<digest>/        dialplan.conf, manifest.json: written once, never rewritten
    sounds/<id>.wav                    see telephony.speech.prompts

Whatever instant a publication is interrupted at, `live.conf` names one whole version, or none (T02).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from telephony.dialplan import Dialplan

_LIVE = re.compile(r"^exten = version,1,NoOp\((\d+)-([0-9a-f]{16})\)$", re.MULTILINE)
_NAME = re.compile(r"\d+-[0-9a-f]{16}")


@dataclass(frozen=True)
class Written:
    """A version as it lies in the folder."""

    number: int
    digest: str
    """The first 16 digits of that of its dialplan."""

    @property
    def name(self) -> str:
        return f"{self.number}-{self.digest}"


class LineFolder:
    """Writes LINE. One publisher at a time; Asterisk may read at any instant."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def sounds(self) -> Path:
        return self.path / "sounds"

    def write(self, dialplan: Dialplan, queues: str, manifest: dict[str, object]) -> Written:
        """Lay a version down, whole or not at all; one that is already there is left as it is."""
        written = Written(dialplan.version, dialplan.digest[:16])
        place = self._place(written)
        if place.is_dir():
            return written
        unfinished = place.with_name(f".{place.name}-{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        _write(unfinished / "dialplan.conf", dialplan.text)
        _write(unfinished / "queues.conf", queues)
        described = {"version": dialplan.version, "digest": dialplan.digest, "sounds": list(dialplan.sounds), **manifest}
        _write(unfinished / "manifest.json", json.dumps(described, ensure_ascii=False, indent=1))
        _settle(unfinished)
        unfinished.rename(place)
        _settle(place.parent)
        return written

    def switch(self, live: Written, draining: Iterable[Written] = ()) -> None:
        """Put a version in service for the next reload; calls go on running on those of `draining`."""
        others = [other for other in dict.fromkeys(draining) if other.number != live.number and self._place(other).is_dir()]
        sounds = json.loads((self._place(live) / "manifest.json").read_text("utf-8"))["sounds"]
        proofs = "".join(f"exten = {sound},1,Goto(a{live.number}_proof,{sound},1)\n" for sound in sounds)
        included = "".join(f'#include "{self._place(version)}/dialplan.conf"\n' for version in (live, *others))
        whole = f"${{DIALPLAN_EXISTS(a{live.number}_end,digest,1)}}"  # a version whose files were lost since sends its calls to a person
        _replace(self.path / "queues.conf", (self._place(live) / "queues.conf").read_text("utf-8"))
        _replace(
            self.path / "live.conf",
            "; Written by the telephony process: replaced at each publication.\n"
            f"[accueil_live]\nexten = s,1,GotoIf({whole}?a{live.number}_entry,s,1:accueil_fallback,s,1)\n"
            f"exten = version,1,NoOp({live.name})\n\n"
            f"[accueil_proof]\nexten = start,1,Set(ACCUEIL_PROOF=1)\nexten = start,2,Goto(accueil_arrival,s,1)\n{proofs}\n{included}",
        )

    def clear(self) -> None:
        """No version in service: callers hear the fallback message and reach the switchboard."""
        (self.path / "live.conf").unlink(missing_ok=True)
        _settle(self.path)

    def live(self) -> Written | None:
        """The version in service by the folder; None before the first publication."""
        try:
            found = _LIVE.search((self.path / "live.conf").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Written(int(found[1]), found[2]) if found else None

    def dialplan(self, version: Written) -> str:
        """The text of a version. Raises FileNotFoundError."""
        return (self._place(version) / "dialplan.conf").read_text("utf-8")

    def manifest(self, version: Written) -> dict[str, object]:
        """What was noted with a version. Raises FileNotFoundError."""
        described: dict[str, object] = json.loads((self._place(version) / "manifest.json").read_text("utf-8"))
        return described

    def versions(self) -> tuple[Written, ...]:
        """The versions that lie in the folder, oldest number first."""
        names = [path.name for path in (self.path / "versions").glob("*-*") if _NAME.fullmatch(path.name)]
        found = (Written(int(number), digest) for number, digest in (name.split("-") for name in names))
        return tuple(sorted(found, key=lambda version: version.number))

    def keep(self, numbers: Iterable[int]) -> None:
        """Remove the versions that no call can be running on any more: all but those of `numbers` and the one in service.

        Of two states of one version, the one in service only.
        """
        kept = set(numbers)
        live = self.live()
        for version in self.versions():
            served = live is not None and version.number == live.number
            if version != live and (served or version.number not in kept):
                shutil.rmtree(self._place(version))
        for unfinished in (self.path / "versions").glob(".*"):
            if not unfinished.name.endswith(f"-{os.getpid()}"):
                shutil.rmtree(unfinished, ignore_errors=True)

    def _place(self, version: Written) -> Path:
        return self.path / "versions" / version.name


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def _replace(path: Path, text: str) -> None:
    """In one move: a reader finds the old file or the new one, whole."""
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    _write(unfinished, text)
    unfinished.replace(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """The names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
