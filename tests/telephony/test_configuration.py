"""Least rights on Asterisk (T06, T08, T09): what the shipped configuration says, and what the real Asterisk then refuses."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

import pytest

from telephony.asterisk.instance import Instance, Place
from telephony.errors import CallFailed
from telephony.sip.message import Credentials
from tests.telephony.calls import BUSY, NUMBER, caller, desks, events, own_line, serve, told
from tests.telephony.conftest import CONFIGURATION, StartAsterisk

FILES = sorted(CONFIGURATION.glob("*.conf"))
PROGRAM_RUNNERS = r"SHELL\(|System\(|AGI\(|ExternalIVR\(|Originate\(|CURL\(|FILE\(|ENV\(|EVAL|MixMonitor\(|Macro\(|Exec\(|^\s*#exec"
CALLER_DATA = ("clid", "src", "dst", "name", "num", "ani", "rdnis", "dnid", "lastdata", "appdata", "callerid", "accountcode", "userfield")


def lines(path: Path) -> Iterator[str]:
    """The lines that Asterisk reads: no comment, no blank."""
    for line in path.read_text("utf-8").splitlines():
        kept = line.partition(";")[0].strip()
        if kept:
            yield kept


def sections(name: str) -> RawConfigParser:
    parser = RawConfigParser(inline_comment_prefixes=(";",), strict=False)
    parser.read_string("\n".join(lines(CONFIGURATION / name)))
    return parser


# --- What the files say --------------------------------------------------------------------------------------------------


def test_the_two_manager_accounts_have_least_rights() -> None:
    accounts = sections("manager.conf")
    rights = {
        name: {way: {right.strip() for right in accounts[name][way].split(",")} - {""} for way in ("read", "write")}
        for name in accounts.sections()
        if name != "general"
    }

    assert rights == {
        "accueil_view": {"read": {"call", "cdr", "reporting"}, "write": {"reporting"}},
        "accueil_publish": {"read": set(), "write": {"system", "call", "reporting"}},
    }
    for name in rights:
        assert accounts[name]["deny"] == "0.0.0.0/0.0.0.0"
        assert accounts[name]["permit"] == "127.0.0.1"
    assert accounts["general"]["bindaddr"] == "127.0.0.1"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_listens_everywhere_and_no_secret_is_written(path: Path) -> None:
    for line in lines(path):
        name, _, value = (part.strip() for part in line.partition("="))
        assert "0.0.0.0" not in line or name == "deny", line
        assert "::" not in value, line
        if re.search("secret|password|_key", name, re.IGNORECASE):
            assert re.fullmatch("@[A-Z_]+@", value), f"{name}: no secret may have a default"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_in_the_configuration_runs_a_program(path: Path) -> None:
    for line in lines(path):
        assert not re.search(PROGRAM_RUNNERS, line), line


def test_no_module_that_runs_programs_dials_out_or_opens_another_door_is_loaded() -> None:
    modules = sections("modules.conf")
    loaded = [line.partition("=")[2].strip() for line in lines(CONFIGURATION / "modules.conf") if line.startswith("load")]
    doors = "app_system func_shell res_agi app_originate pbx_spool func_curl func_env app_externalivr res_ari res_http res_stasis app_macro"
    doors += (
        " res_pjsip_refer res_pjsip_messaging res_pjsip_registrar res_pjsip_outbound endpoint_identifier_anonymous func_realtime app_disa"
    )

    assert modules["modules"]["autoload"] == "no"
    assert not [name for name in loaded if any(door in name for door in doors.split())]


def test_every_pattern_of_the_trunk_has_a_fixed_length() -> None:
    patterns = [
        line.partition("=")[2].partition(",")[0].strip() for line in lines(CONFIGURATION / "extensions.conf") if line.startswith("exten")
    ]
    loose = [pattern for pattern in patterns if pattern.startswith("_") and not re.fullmatch(r"_\+?[0-9XZN]{4,13}", pattern)]

    assert patterns
    assert loose == []


def test_nothing_that_a_caller_sends_reaches_a_destination_a_file_or_a_command() -> None:
    sent = re.compile(r"\$\{(CALLERID|EXTEN|CALLER|PJSIP_HEADER|CHANNEL\(pjsip|INVALID_EXTEN|DNID)")
    for line in lines(CONFIGURATION / "extensions.conf"):
        if sent.search(line):
            assert re.search(r"Set\(CALLERID\(num\)=\$\{FILTER\(0-9\+,|Set\(CALLER_HASH=\$\{SHA1\(", line), line


@pytest.mark.parametrize("name", ["cel_custom.conf", "cdr_custom.conf"])
def test_no_column_of_the_records_holds_the_number_of_a_caller(name: str) -> None:
    (fields,) = (line.partition("=")[2] for line in lines(CONFIGURATION / name) if line.startswith("fields"))

    assert not {re.sub(r"\(.*", "", field.strip()) for field in fields.split(",")} & set(CALLER_DATA)


def test_the_container_runs_without_root() -> None:
    instructions = (CONFIGURATION / "Dockerfile").read_text("utf-8").splitlines()

    assert "USER accueil" in instructions
    assert not [line for line in instructions if line.startswith(("ADD", "EXPOSE", "ENTRYPOINT"))]
    assert not [line for line in instructions if "SECRET" in line or "KEY" in line]


# --- What the real Asterisk refuses --------------------------------------------------------------------------------------


class Manager:
    """The manager interface, over a bare socket."""

    def __init__(self, asterisk: Instance, account: str, secret: str | None = None, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection(("127.0.0.1", asterisk.ami_port), timeout=5, source_address=(host, 0))
        self._stream = self._socket.makefile("rwb")
        self._stream.readline()
        self.login = self.ask("Login", Username=account, Secret=asterisk.secrets[account] if secret is None else secret, Events="off")

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self, action: str, **headers: str) -> str:
        """The first answer to an action, as text."""
        written = "".join(f"{name}: {value}\r\n" for name, value in {"Action": action, **headers}.items())
        self._stream.write(written.encode() + b"\r\n")
        self._stream.flush()
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            byte = self._stream.readline()
            assert byte, "the connection was closed"
            answer += byte
        return answer.decode()


FORBIDDEN = {
    "Command": {"Command": "core show version"},
    "Originate": {"Channel": "PJSIP/1040@desks", "Context": "trunk", "Exten": NUMBER, "Priority": "1"},
    "UpdateConfig": {"SrcFilename": "extensions.conf", "DstFilename": "extensions.conf"},
    "CreateConfig": {"Filename": "x.conf"},
    "ListCategories": {"Filename": "manager.conf"},
    "UserEvent": {"UserEvent": "Forged"},
}


@pytest.mark.asterisk
@pytest.mark.parametrize("account", ["accueil_view", "accueil_publish"])
@pytest.mark.parametrize("action", FORBIDDEN)
def test_an_action_that_could_run_a_program_or_dial_is_refused_to_both_accounts(asterisk: Instance, account: str, action: str) -> None:
    with Manager(asterisk, account) as manager:
        assert "Response: Success" in manager.login
        answer = manager.ask(action, **FORBIDDEN[action])

    assert "Response: Error" in answer
    assert re.search("Permission denied|Invalid/unknown command", answer), answer


@pytest.mark.asterisk
@pytest.mark.parametrize(
    ("account", "action", "headers", "allowed"),
    [
        ("accueil_view", "CoreShowChannels", {}, True),
        ("accueil_view", "ShowDialPlan", {"Context": "trunk"}, True),
        ("accueil_view", "Reload", {"Module": "pbx_config"}, False),
        ("accueil_view", "DBPut", {"Family": "accueil", "Key": "closed_until", "Val": "1"}, False),
        ("accueil_view", "GetConfig", {"Filename": "manager.conf"}, False),
        ("accueil_view", "ModuleLoad", {"Module": "app_celgenuserevent.so", "LoadType": "reload"}, False),
        ("accueil_view", "DialplanExtensionAdd", {"Context": "trunk", "Extension": "1", "Priority": "1", "Application": "NoOp"}, False),
        ("accueil_view", "Redirect", {"Channel": "PJSIP/x", "Context": "trunk", "Exten": NUMBER, "Priority": "1"}, False),
        ("accueil_publish", "Reload", {"Module": "pbx_config"}, True),
        ("accueil_publish", "DBPut", {"Family": "essai", "Key": "a", "Val": "1"}, True),
        ("accueil_publish", "CoreShowChannels", {}, True),
        ("accueil_publish", "ShowDialPlan", {"Context": "trunk"}, True),
    ],
)
def test_each_account_can_do_its_own_work_and_only_that(
    asterisk: Instance, account: str, action: str, headers: dict[str, str], allowed: bool
) -> None:
    with Manager(asterisk, account) as manager:
        answer = manager.ask(action, **headers)

    assert ("Response: Success" in answer) is allowed, answer
    assert ("Permission denied" in answer) is not allowed


@pytest.mark.asterisk
@pytest.mark.parametrize("module", ["app_system.so", "func_shell.so", "res_agi.so", "app_originate.so", "pbx_spool.so", "func_curl.so"])
def test_not_even_the_publisher_can_load_a_module_that_runs_programs_or_dials(asterisk: Instance, module: str) -> None:
    with Manager(asterisk, "accueil_publish") as manager:
        answer = manager.ask("ModuleLoad", Module=module, LoadType="load")

    assert "Response: Error" in answer
    assert "0 modules loaded" in asterisk.console(f"module show like {module}")


@pytest.mark.asterisk
@pytest.mark.parametrize(("account", "secret"), [("accueil_view", "faux"), ("accueil_publish", ""), ("admin", "admin")])
def test_a_wrong_secret_or_account_opens_nothing(asterisk: Instance, account: str, secret: str) -> None:
    with Manager(asterisk, account, secret) as manager:
        assert "Response: Error" in manager.login


@pytest.mark.asterisk
def test_the_right_secret_from_another_address_opens_nothing(asterisk: Instance) -> None:
    with Manager(asterisk, "accueil_publish", host="127.0.0.2") as manager:
        assert "Response: Error" in manager.login


# --- Who may call --------------------------------------------------------------------------------------------------------

SILENT = "[a1_entry]\nexten = s,1,Wait(5)\n same = n,Hangup()\n"


async def refusal(asterisk: Instance, number: str, *, host: str = "127.0.0.1", **how: object) -> int | None:
    """The code with which a call is refused; None when it is answered."""
    async with caller(asterisk, host=host) as phone:
        call = await phone.call(number, **how)  # type: ignore[arg-type]
        try:
            await call.answered(4)
        except CallFailed as failed:
            return failed.status or 0
    return None


@pytest.mark.asterisk
def test_the_line_may_call_itself_with_its_secret_only(asterisk: Instance) -> None:
    serve(asterisk, SILENT)

    def answer(user: str, secret: str) -> int | None:
        return asyncio.run(refusal(asterisk, "start", caller="proof", credentials=Credentials(user, secret)))

    assert asyncio.run(refusal(asterisk, "start", caller="proof", credentials=own_line(asterisk))) is None
    assert answer("proof", "un autre secret") in (401, 403)
    assert answer("trunk", asterisk.secrets["proof"]) in (401, 403)
    assert asyncio.run(refusal(asterisk, "start", caller="proof")) == 401


@pytest.mark.asterisk
@pytest.mark.parametrize(
    "number",
    ["start", "s", "0" * 32, "0899123456789", "118218", "00442071838750", "+442071838750", "15", "9" * 40, "a1_entry"],
)
def test_the_operator_reaches_only_the_numbers_of_the_line(asterisk: Instance, number: str) -> None:
    assert asyncio.run(refusal(asterisk, number)) in (404, 484)


@pytest.mark.asterisk
@pytest.mark.parametrize("number", [NUMBER, "33353011000", "+33353011000", "3400"])
def test_the_number_of_the_line_is_known_in_each_way_an_operator_writes_it(asterisk: Instance, number: str) -> None:
    serve(asterisk, SILENT)

    assert asyncio.run(refusal(asterisk, number)) is None


@pytest.mark.asterisk
@pytest.mark.parametrize("name", ["0612345678", "trunk", "desks", "proof"])
def test_nobody_calls_from_an_unknown_address(asterisk: Instance, name: str) -> None:
    credentials = own_line(asterisk) if name == "proof" else None

    assert asyncio.run(refusal(asterisk, NUMBER, host="127.0.0.2", caller=name, credentials=credentials)) in (401, 403)


@pytest.mark.asterisk
def test_an_operator_may_have_several_addresses_and_networks(start_asterisk: StartAsterisk) -> None:
    asterisk = start_asterisk(place=Place(trunk="127.0.0.1,127.0.1.0/24"))

    assert [asyncio.run(refusal(asterisk, NUMBER, host=host)) for host in ("127.0.0.1", "127.0.1.7", "127.0.2.7")] == [None, None, 403]


HOSTILE = [
    *"0601&SIP/evil 0601,1,Dial(PJSIP ${SHELL(id)} $[1+1] 0601;x 0601|x ../../etc/passwd %0d%0aAction: %E2%80%A8CallerIDNum".split(),
    *"0601%26SIP +33612345678 anonymous 0612345678\\ #exec {} () é '` ,,, a=b [x] ~ 0601@0602 sip:0601 tel:0601 06.01.02 00330612".split(),
    *("", "a" * 500, "0" * 300, '"', "06 01", "\u2028CallerIDNum: 17"),
]


@pytest.mark.asterisk
def test_a_hostile_caller_number_is_only_ever_a_hash_of_its_digits(asterisk: Instance) -> None:
    fields = "1|frn|n1|0|${CALLER_HASH}|${CALLERID(num)}|${CALLERID(name)}"
    serve(asterisk, f"[a1_entry]\nexten = s,1,CELGenUserEvent(ACCUEIL_CALL,{fields})\n same = n,Wait(5)\n")
    before = len(events(asterisk))

    async def story() -> None:
        async with caller(asterisk, recording=False) as phone:
            calls = [
                await phone.call(NUMBER, caller=number, name=f"Nom\u2028CallerIDNum: 17\u0085{number}".replace('"', ""))
                for number in HOSTILE
            ]
            outcomes = await asyncio.gather(*(call.answered(1) for call in calls), return_exceptions=True)
            await asyncio.sleep(0.5)
            for number, outcome in zip(HOSTILE, outcomes, strict=True):  # what is not even a SIP address is refused, or not answered at all
                assert not isinstance(outcome, CallFailed) or outcome.status in (None, 400, 401, 403), number

    asyncio.run(story())
    calls = [fields[4:] for fields in told(asterisk, "ACCUEIL_CALL", before)]
    assert len(calls) > len(HOSTILE) / 2
    for digest, number, name in calls:
        assert re.fullmatch(r"[0-9+]*", number)
        assert name == ""
        assert digest == hashlib.sha1((asterisk.secrets["caller_key"] + number).encode()).hexdigest()
    assert "+33612345678" in {number for _, number, _ in calls}


@pytest.mark.asterisk
@pytest.mark.slow
def test_the_number_of_a_caller_is_in_no_file_of_asterisk(asterisk: Instance) -> None:
    number = "0698765432"
    serve(asterisk, "[a1_entry]\nexten = s,1,Dial(PJSIP/1040@desks,2,g)\n same = n,Dial(PJSIP/1041@desks,2)\n")

    async def story() -> None:
        async with caller(asterisk) as phone, desks(asterisk, {"1040": BUSY}):
            call = await (await phone.call(NUMBER, caller=number)).answered(3)
            await asyncio.sleep(1.5)
            call.hang_up()
            await phone.call("15", caller=number)
            await phone.call("start", caller=number)
            await asyncio.sleep(0.5)
        async with caller(asterisk, host="127.0.0.2") as stranger:
            await stranger.call(NUMBER, caller=number)
            await asyncio.sleep(0.5)

    asyncio.run(story())
    files = [path for folder in (asterisk.state, asterisk.line) for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "cdr.csv" for path in files)
    assert [path for path in files if number.encode() in path.read_bytes() or number[1:].encode() in path.read_bytes()] == []
