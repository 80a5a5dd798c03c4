"""Calls that arrive while the application is killed: how many are in the journal afterwards, on a real Asterisk, called by SIPp."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select

from bench.figures import show
from knowledge.database import migrate, open_engine, reading
from knowledge.line_models import Call, CallEvent
from telephony.asterisk.instance import Instance, Place, free_port

CALLS, A_SECOND, AWAY = 500, 40, 10.0
"""Calls, calls a second, and seconds during which the application is away."""
PATIENCE = 60.0
_DIALPLAN = """\
[accueil_live]
exten = s,1,CELGenUserEvent(ACCUEIL_CALL,1|frn|n1|0|${CALLER_HASH})
 same = n,CELGenUserEvent(ACCUEIL_NODE,1|frn|n1)
 same = n,Wait(1)
 same = n,CELGenUserEvent(ACCUEIL_HEARD,1|frn|n1)
 same = n,CELGenUserEvent(ACCUEIL_WELCOMED,1|frn|n1)
 same = n,CELGenUserEvent(ACCUEIL_NODE,1|frn|n2)
 same = n,Wait(60)
"""
_CALLER = """\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:06[call_number]@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:06[call_number]@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="2000"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:06[call_number]@[local_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""
_READER = (
    "import sys, threading; from pathlib import Path; from knowledge.database import open_engine; "
    "from telephony.records.tail import Records; "
    "Records(open_engine(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])).follow(threading.Event(), every=0.2)"
)


@dataclass(frozen=True)
class Measured:
    """What was counted on each side; `late` is in seconds."""

    answered: int
    """Calls that SIPp made and ended as planned."""
    counted: int
    """Calls processed, by Asterisk's own counter."""
    told: int
    """Calls of the journal that were greeted and hung up by their caller."""
    legs: int
    """Starts of callers' legs in the journal: more than `told` if a line had been stored twice."""
    lines: int
    written: int
    """Lines stored, and lines of the files."""
    read_before: int
    """Calls told before the application was killed."""
    late: float
    """From its return to the last call told, the end of the calls included."""


def measure(asterisk: str, configuration: Path, calls: int = CALLS, a_second: int = A_SECOND, away: float = AWAY) -> Measured:
    """Make `calls` calls while the reader of the records is killed for `away` seconds.

    Raises:
        AsteriskAbsent, AsteriskUnstarted: no Asterisk can be started.
        FileNotFoundError: SIPp is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="accueil-") as name:
        folder = Path(name)
        (folder / "live.conf").write_text(_DIALPLAN, "utf-8")
        url = f"sqlite:///{folder / 'bench.db'}"
        engine = open_engine(url)
        migrate(engine)
        with Instance.throwaway(asterisk, folder, configuration, Place()) as line:
            with _reader(url, line), _callers(folder, line, calls, a_second) as callers:
                time.sleep(3.5)
                before = _told(engine)
            # the reader was killed here; callers go on
            time.sleep(away)
            back = time.monotonic()
            with _reader(url, line):
                answered = _answered(callers)
                while _told(engine) < calls and time.monotonic() < back + PATIENCE:
                    time.sleep(0.1)
                late = time.monotonic() - back
                time.sleep(1)  # the legs of the last calls
            counted = re.search(r"(\d+) calls? processed", line.console("core show calls"))
            written = sum(path.read_bytes().count(b"\n") for path in (line.cel, line.cdr))
        with reading(engine) as opened:
            started = (CallEvent.kind == "CHAN_START", CallEvent.channel.like("PJSIP/trunk-%"))
            legs = opened.scalar(select(func.count()).where(*started)) or 0
            lines = opened.scalar(select(func.count()).select_from(CallEvent)) or 0
        told = _told(engine)
        engine.dispose()
    return Measured(answered, int(counted[1]) if counted else 0, told, legs, lines, written, before, late)


@contextmanager
def _reader(url: str, line: Instance) -> Iterator[None]:
    """The application, killed at the end."""
    process = subprocess.Popen([sys.executable, "-c", _READER, url, str(line.cel), str(line.cdr)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _callers(folder: Path, line: Instance, calls: int, a_second: int) -> Iterator[subprocess.Popen[str]]:
    """SIPp, which goes on after the block unless the block failed."""
    program = shutil.which("sipp")
    if program is None:
        raise FileNotFoundError("sipp (package sip-tester) is not installed")
    (folder / "caller.xml").write_text(_CALLER, "utf-8")
    words = [program, "-sf", "caller.xml", "-i", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port()), "-s", "0353011000"]
    words += [
        "-r",
        str(a_second),
        "-m",
        str(calls),
        "-l",
        str(calls),
        "-timeout",
        "60s",
        "-timeout_error",
        "-nostdin",
        f"127.0.0.1:{line.sip_port}",
    ]
    process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    except BaseException:
        process.kill()
        process.wait()
        raise


def _answered(callers: subprocess.Popen[str]) -> int:
    said, _ = callers.communicate(timeout=PATIENCE)
    counts = re.findall(r"Successful call\s*\|[^|]*\|\s*(\d+)", said)
    return int(counts[-1]) if counts else 0


def _told(engine: Engine) -> int:
    with reading(engine) as opened:
        return opened.scalar(select(func.count()).where(Call.welcomed, Call.end == "caller")) or 0


def run(asterisk: str, configuration: Path) -> None:
    """Print the table."""
    found = measure(asterisk, configuration)
    rows = [
        ["calls made and ended by SIPp", f"{CALLS} at {A_SECOND}/s", str(found.answered), str(CALLS)],
        ["calls counted by Asterisk", "same", str(found.counted), str(CALLS)],
        ["calls in the journal, whole", f"reader killed for {AWAY:.0f} s ({found.read_before} told before)", str(found.told), str(CALLS)],
        ["callers' legs in the journal", "more than the calls: some twice", str(found.legs), str(CALLS)],
        ["lines stored, of those written", "events and legs", f"{found.lines} / {found.written}", "all"],
        ["all told after the reader's return", "the end of the calls included", f"{found.late:.1f} s", "—"],
    ]
    show("Records: calls while the application is away (this machine, this run)", ["what", "conditions", "measured", "target"], rows)
