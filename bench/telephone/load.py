"""Callers by the hundred: SIPp, with a scenario of ours. Each call is picked up, sends silence, listens, and hangs up."""

from __future__ import annotations

import csv
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import psutil

from bench.figures import refuse
from bench.telephone.stage import NUMBER, Stage
from telephony.asterisk.instance import free_port

RAMP = 20
"""New calls each second."""
_SILENCE = b"\xd5" * 8000
"""One second of A-law, said again and again."""

_HEADERS = """Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:06[call_number]@[local_ip]>;tag=[call_number]
To: <sip:NUMBER@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70
Contact: <sip:banc@[local_ip]:[local_port]>"""
_SOUND = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000"""
_SCENARIO = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="listening">
<send retrans="500"><![CDATA[
INVITE sip:NUMBER@[remote_ip]:[remote_port] SIP/2.0
{_HEADERS}
CSeq: 1 INVITE
Content-Type: application/sdp
Content-Length: [len]

{_SOUND}
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
{_HEADERS}
CSeq: 1 ACK
Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="silence.al,-1,8"/></action></nop>
<pause milliseconds="MILLISECONDS"/>
<nop><action><exec rtp_stream="pause"/></action></nop>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
{_HEADERS}
CSeq: 2 BYE
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""


@dataclass(frozen=True)
class Load:
    """Calls in progress, and the processor time of both sides."""

    calls: int
    folder: Path
    generator: subprocess.Popen[bytes]
    asterisk: int

    def processor(self) -> tuple[float, float]:
        """Seconds of processor used so far by Asterisk and by the generator."""
        return _used(self.asterisk), _used(self.generator.pid)

    def finished(self, seconds: float) -> tuple[int, int]:
        """Wait for the last call; how many were held to their end, and how many failed."""
        try:
            self.generator.wait(seconds)
        except subprocess.TimeoutExpired:
            refuse(f"SIPp n'a pas fini ses {self.calls} appels : machine trop chargée, recommencez avec --count plus petit.")
        last = _last_row(self.folder)
        return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])


@contextmanager
def load(line: Stage, calls: int, seconds: float) -> Iterator[Load]:
    """Start `calls` calls, RAMP each second; each one listens for `seconds`. All are in progress calls / RAMP seconds later.

    Ends the bench when SIPp is not installed.
    """
    sipp = which("sipp")
    if sipp is None:
        refuse("SIPp manque : installez le paquet sip-tester.")
    folder = line.folder / f"sipp-{calls}-{time.monotonic_ns()}"
    folder.mkdir()
    scenario = _SCENARIO.replace("NUMBER", NUMBER).replace("MILLISECONDS", str(round(seconds * 1000)))
    (folder / "listening.xml").write_text(scenario, "latin-1")
    (folder / "silence.al").write_bytes(_SILENCE)
    options = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(free_port()), "-nostdin", "-trace_stat", "-fd", "1", "-trace_err"]
    options += ["-r", str(RAMP), "-l", str(calls), "-m", str(calls)]
    command = [sipp, "-sf", "listening.xml", *options, f"127.0.0.1:{line.asterisk.sip_port}"]
    generator = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Load(calls, folder, generator, line.asterisk.pid)
    finally:
        if generator.poll() is None:
            generator.kill()
        generator.wait()


def _used(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _last_row(folder: Path) -> dict[str, str]:
    """The last line of SIPp's own count."""
    rows: Sequence[dict[str, str]] = []
    for path in folder.glob("listening_*_.csv"):
        with path.open(encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened, delimiter=";"))
    if not rows:
        refuse("SIPp n'a pas pu appeler la ligne : lancez la mesure sur une machine au repos.")
    return rows[-1]
