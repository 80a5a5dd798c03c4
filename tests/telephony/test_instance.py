"""The Asterisk of the product: it starts as shipped, serves a caller with nothing published, and stops with whoever started it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from telephony.asterisk.instance import Instance, Place, free_port, program
from telephony.errors import AsteriskAbsent, AsteriskUnstarted
from telephony.settings import TelephonySettings
from telephony.sip.hearing import sequence
from tests.telephony.calls import IGNORE, NUMBER, caller, desks, put_live, read_wav, serve, told, withdraw
from tests.telephony.conftest import CONFIGURATION, StartAsterisk

FIXED = {name: read_wav(CONFIGURATION / "sounds" / f"{name}.wav") for name in ("fallback", "nobody")}
SECRETS = {f"TELEPHONY_{name}": "s" * 32 for name in ("AMI_VIEW_SECRET", "AMI_PUBLISH_SECRET", "PROOF_SECRET", "CALLER_KEY")}
COMPLAINTS = re.compile(r"\b(WARNING|ERROR)\b.*")


def start_script(state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What start.sh says when it is asked to start a program that only shows its arguments."""
    asked = {"PATH": os.environ["PATH"], "TELEPHONY_LINE": str(state / "line"), **environment}
    return subprocess.run(
        [CONFIGURATION / "start.sh", str(state / "state"), "/bin/echo"], env=asked, capture_output=True, text=True, timeout=30, check=False
    )


# --- Starting and stopping -----------------------------------------------------------------------------------------------


@pytest.mark.asterisk
def test_the_shipped_configuration_starts_without_a_complaint(start_asterisk: StartAsterisk) -> None:
    asterisk = start_asterisk()

    assert COMPLAINTS.findall(asterisk.messages()) == []
    wanted = set(re.findall(r"^load = (\S+)", (CONFIGURATION / "modules.conf").read_text("utf-8"), re.MULTILINE))
    running = {row.split()[0] for row in asterisk.console("module show").splitlines() if " Running " in row and "Not Running" not in row}
    assert len(wanted) > 40
    assert wanted <= running
    assert not {name for name in running - wanted if name.endswith(".so")}


@pytest.mark.asterisk
def test_an_instance_starts_again_in_the_same_folder_after_a_power_cut(asterisk_root: str, tmp_path: Path) -> None:
    instance = Instance(asterisk_root, tmp_path / "state", tmp_path / "line", CONFIGURATION)
    instance.start()
    instance.console("database put accueil crisis_until 4200000042")
    deadline = time.monotonic() + 5  # Asterisk writes its database once a second: a power cut may lose the last second
    while b"4200000042" not in (instance.state / "db" / "astdb.sqlite3").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    instance.kill()
    assert not instance.running
    with pytest.raises(AsteriskUnstarted):
        instance.console("core show version")

    instance.start()
    try:
        assert "4200000042" in instance.console("database get accueil crisis_until")
    finally:
        instance.stop()


@pytest.mark.asterisk
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_already_taken_is_told_rather_than_an_asterisk_left_deaf(
    asterisk_root: str, tmp_path: Path, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        place = Place(sip_port=port) if kind is socket.SOCK_DGRAM else Place(ami_port=port)
        instance = Instance(asterisk_root, tmp_path / "state", tmp_path / "line", CONFIGURATION, place)

        with pytest.raises(AsteriskUnstarted, match=f"Le port {port} .* est pris"):
            instance.start()
        assert not instance.running


def test_a_port_drawn_for_an_instance_is_given_to_nobody_else_before_it_starts() -> None:
    given_by_linux = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        taken = free_port()
        other.bind(("127.0.0.1", taken))
        drawn = [free_port() for _ in range(4_000)]  # more than there are

    assert taken not in drawn
    assert len(set(drawn[:100])) == 100
    assert max(drawn) < given_by_linux


def test_a_machine_without_asterisk_is_told_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(AsteriskAbsent, match="build-rootfs"):
        program(str(tmp_path))
    with pytest.raises(AsteriskAbsent, match="no-such-program"):
        program("/no-such-program")


@pytest.mark.asterisk
def test_a_folder_too_deep_for_the_console_or_a_missing_configuration_is_told(asterisk_root: str, tmp_path: Path) -> None:
    with pytest.raises(AsteriskUnstarted, match="trop long"):
        Instance(asterisk_root, tmp_path / ("d" * 100), tmp_path, CONFIGURATION)
    with pytest.raises(AsteriskUnstarted, match="TELEPHONY_CONFIGURATION"):
        Instance(asterisk_root, tmp_path / "state", tmp_path, tmp_path)


@pytest.mark.asterisk
def test_a_configuration_that_asterisk_refuses_is_told(asterisk_root: str, tmp_path: Path) -> None:
    shutil.copytree(CONFIGURATION, tmp_path / "configuration")
    (tmp_path / "configuration" / "modules.conf").write_text("[modules]\nautoload = no\nrequire = no_such_module.so\n", "utf-8")
    instance = Instance(asterisk_root, tmp_path / "state", tmp_path / "line", tmp_path / "configuration")

    with pytest.raises(AsteriskUnstarted, match="arrêté au démarrage"):
        instance.start()


@pytest.mark.asterisk
def test_a_throwaway_instance_leaves_nothing_behind(asterisk_root: str, tmp_path: Path) -> None:
    with Instance.throwaway(asterisk_root, tmp_path, CONFIGURATION) as instance:
        pid, state = instance.pid, instance.state
        assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    assert not psutil.pid_exists(pid)
    assert not state.exists()


@pytest.mark.asterisk
def test_an_instance_ends_with_the_program_that_started_it_even_killed(asterisk_root: str, tmp_path: Path) -> None:
    """A publisher killed while it tries a candidate leaves no Asterisk running."""
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom telephony.asterisk.instance import Instance\n"
        "instance = Instance(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))\n"
        "instance.start()\nprint(instance.pid, flush=True)\ntime.sleep(60)\n"
    )
    words = [sys.executable, "-c", program, asterisk_root, str(tmp_path / "state"), str(tmp_path / "line"), str(CONFIGURATION)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=CONFIGURATION.parents[1]) as starter:
        assert starter.stdout is not None
        started = psutil.Process(int(starter.stdout.readline()))
        assert started.is_running()
        os.kill(starter.pid, signal.SIGKILL)

        psutil.wait_procs([started], timeout=5)
        assert not started.is_running() or started.status() == psutil.STATUS_ZOMBIE


# --- start.sh refuses what is unsafe -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SECRETS))
@pytest.mark.parametrize(("value", "told"), [("", "manque"), ("court", "24 caractères"), ("s" * 30 + ";", "interdit")])
def test_a_secret_absent_short_or_unsafe_stops_the_start(tmp_path: Path, name: str, value: str, told: str) -> None:
    done = start_script(tmp_path, **{**SECRETS, name: value})

    assert done.returncode == 1
    assert name in done.stderr and told in done.stderr
    assert value == "" or value not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEPHONY_SIP_ADDRESS", "127.0.0.1:5060\nallow_anonymous = yes"),
        ("TELEPHONY_DESKS", "desk.example/;x"),
        ("TELEPHONY_AMI_PORT", "50a8"),
        ("TELEPHONY_RTP_PORTS", "10000 20000"),
        ("TELEPHONY_TRUNK", "0.0.0.0|all"),
        ("TELEPHONY_SWITCHBOARD", "1000&SIP/evil"),
        ("TELEPHONY_AUDIO_ADDRESS", "$(id):1"),
    ],
)
def test_a_setting_that_could_change_the_configuration_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    done = start_script(tmp_path, **{**SECRETS, name: value})

    assert done.returncode == 1
    assert f"Réglage incorrect : {name}" in done.stderr
    assert not list(tmp_path.rglob("*.conf"))


def test_a_program_that_is_no_asterisk_is_told(tmp_path: Path) -> None:
    done = start_script(tmp_path, **SECRETS)

    assert done.returncode == 1
    assert "Les modules d'Asterisk sont introuvables" in done.stderr


@pytest.mark.asterisk
def test_a_token_that_nothing_replaces_stops_the_start(asterisk_root: str, tmp_path: Path) -> None:
    shutil.copytree(CONFIGURATION, tmp_path / "configuration")
    (tmp_path / "configuration" / "rtp.conf").write_text("[general]\nrtpstart = @RTP_STRAT@\n", "utf-8")
    instance = Instance(asterisk_root, tmp_path / "state", tmp_path / "line", tmp_path / "configuration")

    with pytest.raises(AsteriskUnstarted, match="jeton de configuration"):
        instance.start()


@pytest.mark.parametrize("script", ["start.sh", "build-rootfs.sh"])
def test_the_scripts_are_plain_shell(script: str) -> None:
    subprocess.run(["sh", "-n", CONFIGURATION / script], check=True)
    assert os.access(CONFIGURATION / script, os.X_OK)


def test_a_folder_that_holds_something_else_is_never_emptied_for_a_root_file_system(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("précieux", "utf-8")
    done = subprocess.run([CONFIGURATION / "build-rootfs.sh", str(tmp_path)], capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 2
    assert "contient autre chose" in done.stderr
    assert (tmp_path / "mine").read_text("utf-8") == "précieux"


def test_the_container_and_the_program_have_the_same_defaults() -> None:
    script = (CONFIGURATION / "start.sh").read_text("utf-8")
    shipped = dict(re.findall(r"\$\{TELEPHONY_([A-Z_]+):=([^}]*)\}", script))
    fields = TelephonySettings.model_fields

    assert len(shipped) >= 8
    assert shipped == {name: str(fields[name.lower()].default) for name in shipped}


# --- Nothing published, or what was published is damaged -----------------------------------------------------------------


@pytest.mark.asterisk
@pytest.mark.slow
def test_with_nothing_published_a_caller_hears_a_sentence_then_a_person(start_asterisk: StartAsterisk) -> None:
    asterisk = start_asterisk()

    async def story() -> None:
        async with caller(asterisk) as phone, desks(asterisk) as board:
            call = await (await phone.call(NUMBER)).answered(2)
            assert call.answered_at is not None and call.answered_at - call.began < 1
            while not board.received:
                await asyncio.sleep(0.05)
            assert [said.name for said in sequence(call.heard(), FIXED)] == ["fallback"], "rung before the sentence was over"
            desk = await board.received[0].answered(3)
            assert desk.number == TelephonySettings.model_fields["switchboard"].default
            desk.hang_up()
            await call.ended(3)
            assert [said.name for said in sequence(call.heard(), FIXED)] == ["fallback"]

    asyncio.run(story())
    assert COMPLAINTS.findall(asterisk.messages()) == []


@pytest.mark.asterisk
@pytest.mark.slow
def test_with_nothing_published_and_nobody_at_the_desk_a_caller_is_told_so(start_asterisk: StartAsterisk, tmp_path: Path) -> None:
    configuration = tmp_path / "configuration"
    shutil.copytree(CONFIGURATION, configuration)
    plan = configuration / "extensions.conf"
    plan.write_text(plan.read_text("utf-8").replace("@desks,30,", "@desks,1,"), "utf-8")  # the same, less patient
    asterisk = start_asterisk(configuration=configuration)

    async def story() -> None:
        async with caller(asterisk) as phone, desks(asterisk, others=IGNORE) as board:
            call = await (await phone.call(NUMBER)).answered(2)
            await call.ended(30)
            assert [said.name for said in sequence(call.heard(), FIXED)] == ["fallback", "nobody"]
            assert [desk.status for desk in board.received] == [487], "the desk must stop ringing"

    asyncio.run(story())


ENTRY = "[a1_entry]\nexten = s,1,Wait(60)\n"


@pytest.mark.asterisk
@pytest.mark.parametrize(
    "damage",
    [
        "live.conf lost",
        "live.conf cut",
        "version lost",
        "version cut",
    ],
)
def test_when_the_published_files_are_damaged_new_callers_reach_the_fallback_even_after_a_restart(
    start_asterisk: StartAsterisk, damage: str
) -> None:
    asterisk = start_asterisk()
    live, version = asterisk.line / "live.conf", asterisk.line / "versions" / "1" / "dialplan.conf"

    async def announced() -> bool:
        """Whether the fallback serves a new call."""
        async with caller(asterisk) as phone:
            call = await (await phone.call(NUMBER)).answered(2)
            await asyncio.sleep(0.6)
            call.hang_up()
        return bool(told(asterisk, "ACCUEIL_STATE"))

    serve(asterisk, ENTRY)
    assert not asyncio.run(announced())
    match damage:
        case "live.conf lost":
            withdraw(asterisk)
        case "live.conf cut":
            put_live(asterisk, live.read_text("utf-8")[:10])
        case "version lost":
            version.unlink()
            asterisk.console("dialplan reload")
        case "version cut":
            version.write_text(version.read_text("utf-8")[: len(ENTRY) - 5], "utf-8")
            asterisk.console("dialplan reload")
    assert asyncio.run(announced())

    asterisk.stop()
    asterisk.cel.unlink()
    asterisk.start()
    assert asyncio.run(announced())


@pytest.mark.asterisk
def test_a_frozen_asterisk_is_noticed_and_thaws(start_asterisk: StartAsterisk) -> None:
    asterisk = start_asterisk(place=Place(desks=f"127.0.0.1:{free_port()}"))
    asterisk.freeze()
    frozen = psutil.Process(asterisk.pid)
    deadline = time.monotonic() + 5
    while frozen.status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
        time.sleep(0.01)
    assert frozen.status() == psutil.STATUS_STOPPED
    asterisk.thaw()

    assert "calls processed" in asterisk.console("core show channels count")
