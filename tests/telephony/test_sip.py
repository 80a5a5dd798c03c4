"""The telephone in software: between two of them, on a line that loses packets, and with the real Asterisk."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from telephony.asterisk.instance import Instance
from telephony.errors import CallFailed
from telephony.sip import message as sip_message
from telephony.sip.agent import Call, Policy, Side, UserAgent
from telephony.sip.hearing import best, match, sequence
from telephony.sip.message import Credentials, Message
from telephony.speech.sound import RATE
from tests.telephony.calls import BUSY, DECLINE, IGNORE, NUMBER, caller, desks, events, put_sound, say, serve, told

pytestmark = pytest.mark.paced

GREETING = say("Bienvenue à la préfecture. Pour les horaires, tapez un.")
HELLO = say("Bonjour, je voudrais parler à quelqu'un.")
DESK = say("Service des étrangers, bonjour.")


class Relay(asyncio.DatagramProtocol):
    """A bad line between two telephones: `harm` says how many copies of each packet pass."""

    def __init__(self, harm: Callable[[bytes], int]) -> None:
        self.harm, self.transport, self.sides = harm, asyncio.DatagramTransport(), [0, 0]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        other = self.sides[1 - self.sides.index(addr[1])] if addr[1] in self.sides else 0
        for _ in range(self.harm(data)):
            self.transport.sendto(data, ("127.0.0.1", other))


@asynccontextmanager
async def two_telephones(policy: Policy, harm: Callable[[bytes], int] = lambda data: 1) -> AsyncIterator[tuple[UserAgent, UserAgent]]:
    """A telephone that calls, and one that does what `policy` says; their SIP goes through a relay."""
    transport, relay = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Relay(harm), local_addr=("127.0.0.1", 0))
    relay.transport = transport
    middle = transport.get_extra_info("sockname")
    one = await UserAgent.open(middle)
    other = await UserAgent.open(middle, policy=lambda invite: policy)
    relay.sides = [one.port, other.port]
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()
        transport.close()


# --- Between two telephones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", Side)
def test_each_side_hears_the_other_and_may_hang_up(who: Side) -> None:
    async def story() -> None:
        async with two_telephones(Policy(after=0.05, says=DESK)) as (one, other):
            call = await (await one.call("1040")).answered(2)
            call.say(HELLO)
            await asyncio.sleep(max(len(HELLO), len(DESK)) / RATE + 0.3)
            (desk,) = other.received
            assert (desk.number, desk.in_progress, call.in_progress) == ("1040", True, True)
            (call if who is Side.US else desk).hang_up()
            assert await call.ended(2) is who
            assert await desk.ended(2) is (Side.THEM if who is Side.US else Side.US)
            assert match(call.heard(), DESK).score > 0.98
            assert match(desk.heard(), HELLO).score > 0.98

    asyncio.run(story())


@pytest.mark.parametrize(("policy", "status"), [(BUSY, 486), (DECLINE, 603)])
def test_a_busy_or_declined_call_says_so(policy: Policy, status: int) -> None:
    async def story() -> None:
        async with two_telephones(policy) as (one, _):
            call = await one.call("1040")
            with pytest.raises(CallFailed) as refused:
                await call.answered(2)
            assert refused.value.status == call.status == status
            assert await call.ended(1) is Side.THEM

    asyncio.run(story())


def test_a_call_that_nobody_answers_is_cancelled_at_both_ends() -> None:
    async def story() -> None:
        async with two_telephones(IGNORE) as (one, other):
            call = await one.call("1040")
            with pytest.raises(CallFailed, match="pas de réponse"):
                await call.answered(0.3)
            call.hang_up()
            assert await call.ended(2) is Side.US
            assert call.status == 487
            assert call.rung_at is not None and call.answered_at is None
            assert [desk.status for desk in other.received] == [487]

    asyncio.run(story())


def test_a_caller_who_gives_up_before_the_first_ring_or_at_the_very_answer_leaves_no_call_open() -> None:
    async def story() -> None:
        async with two_telephones(Policy(after=0)) as (one, other):
            for wait in (0.0, 0.0005, 0.001, 0.002, 0.004):
                call = await one.call("1040")
                await asyncio.sleep(wait)
                call.hang_up()
                await call.ended(3)
            await asyncio.sleep(0.2)
            assert not [desk for desk in other.received if desk.in_progress or desk.ended_at is None]

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_loses_and_doubles_sip_messages_loses_no_call(seed: int) -> None:
    draw = random.Random(seed)
    times: Counter[tuple[bytes, bytes]] = Counter()

    def harm(data: bytes) -> int:
        """Each message is lost or doubled by chance the first two times it is sent, then passes."""
        message = data.split(b"\r\n", 1)[0], data.partition(b"Call-ID: ")[2].split(b"\r\n", 1)[0]
        times[message] += 1
        return draw.choice((0, 0, 1, 2)) if times[message] <= 2 else 1

    async def story() -> None:
        async with two_telephones(Policy(after=0.05), harm) as (one, other):
            calls = [await one.call(f"10{at}") for at in range(10)]
            await asyncio.gather(*(call.answered(20) for call in calls))
            assert len(other.received) == 10, "an invitation sent again is the same call"
            for call in calls[:5]:
                call.hang_up()
            for desk in other.received:
                if desk.number in {"105", "106", "107", "108", "109"}:
                    desk.hang_up()
            await asyncio.gather(*(call.ended(20) for call in (*calls, *other.received)))

    asyncio.run(story())


def test_what_is_not_sip_or_not_for_us_disturbs_nothing() -> None:
    async def story() -> None:
        async with two_telephones(Policy(after=0.1)) as (one, other):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for garbage in (
                    b"",
                    b"\0" * 50,
                    b"INVITE",
                    b"SIP/2.0 abc OK\r\n\r\n",
                    b"BYE sip:x@y SIP/2.0\r\nCSeq: x\r\n\r\n",
                    b"\xff" * 1500,
                ):
                    stranger.sendto(garbage, ("127.0.0.1", one.port))
                    stranger.sendto(garbage, ("127.0.0.1", other.port))
            call = await (await one.call("1040")).answered(2)
            assert call.in_progress

    asyncio.run(story())


def asked(agent: UserAgent, method: str, call_id: str = "x", to: str = "<sip:a@b>;tag=1", sequence: int = 7, body: str = "") -> Message:
    """What a telephone answers to a bare request, sent by somebody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.settimeout(2)
        headers = [("Via", f"SIP/2.0/UDP 127.0.0.1:{somebody.getsockname()[1]};branch=z9hG4bKx"), ("From", "<sip:c@d>;tag=2"), ("To", to)]
        headers += [("Call-ID", call_id), ("CSeq", f"{sequence} {method}"), ("Contact", "<sip:c@127.0.0.1:9>")]
        somebody.sendto(sip_message.write(f"{method} sip:a@127.0.0.1 SIP/2.0", headers, body), ("127.0.0.1", agent.port))
        answer = sip_message.parse(somebody.recv(4096))
        assert answer is not None
        return answer


def test_every_request_gets_the_answer_of_the_norm() -> None:
    music = "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0 3\r\n"  # no A-law

    async def story() -> None:
        async with two_telephones(Policy(after=0.02)) as (one, other):
            call = await (await one.call("1040")).answered(2)

            async def status(*request: object, **more: object) -> int:
                return (await asyncio.to_thread(asked, *request, **more)).status  # type: ignore[arg-type]

            assert await status(one, "OPTIONS") == 200
            assert await status(one, "BYE") == 481
            assert await status(one, "OPTIONS", call.identifier) == 200
            assert await status(one, "REFER", call.identifier) == 405, "nobody but us transfers a call"
            assert await status(other, "INVITE", "new", "<sip:a@b>", body=music) == 488
            again = await asyncio.to_thread(asked, one, "INVITE", call.identifier, body=sip_message.offer("127.0.0.1", 4000))
            described = sip_message.sound(again.body)
            assert again.status == 200 and described is not None and described.port == call.stream.port
            assert call.in_progress

    asyncio.run(story())


@pytest.mark.parametrize("hostile", ["06\r\nContact: <sip:evil>", "06\n", "06\0"])
def test_a_number_that_would_add_a_line_to_a_message_is_refused(hostile: str) -> None:
    async def story() -> None:
        async with two_telephones(Policy()) as (one, _):
            for how in ({"number": hostile}, {"number": "1040", "caller": hostile}, {"number": "1040", "name": hostile}):
                with pytest.raises(ValueError, match="control character"):
                    await one.call(**how)
            assert one.calls == ()

    asyncio.run(story())


# --- Secrets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [  # the examples of RFC 7616, section 3.9.1
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_proof_of_a_secret_is_that_of_the_norm(monkeypatch: pytest.MonkeyPatch, challenge: str, expected: str) -> None:
    monkeypatch.setattr(sip_message.secrets, "token_hex", lambda size: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    challenged = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={challenge}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )

    proof = sip_message.authorization(challenged, Credentials("Mufasa", "Circle of Life"), "GET", "/dir/index.html")

    assert proof is not None and f'response="{expected}"' in proof
    assert sip_message.authorization('Digest realm="x", algorithm=WEAK-1', Credentials("a", "b"), "INVITE", "sip:x") is None
    assert sip_message.authorization('Basic realm="x"', Credentials("a", "b"), "INVITE", "sip:x") is None


# --- With the real Asterisk ----------------------------------------------------------------------------------------------

PLAYS = "a" * 32


@pytest.fixture
def line(asterisk: Instance) -> Instance:
    """A dialplan that says one prompt, writes down each key, and puts a caller through when it is « # » (or nobody answers: « 9 »)."""
    sound = put_sound(asterisk, PLAYS, GREETING)
    outcome = " same = n,CELGenUserEvent(ACCUEIL_TRANSFER,1|frn|n1|x|${DIALSTATUS})\n"
    key = " same = n,WaitExten(20)\nexten = _[0-8*],1,CELGenUserEvent(ACCUEIL_KEY,1|frn|n1|${EXTEN})\n same = n,WaitExten(20)\n"
    serve(
        asterisk,
        f"[a1_entry]\nexten = s,1,Background({sound})\n{key}"
        f"exten = #,1,Dial(PJSIP/1040@desks,5,g)\n{outcome} same = n,Hangup()\n"
        f"exten = 9,1,Dial(PJSIP/1041@desks,1,g)\n{outcome} same = n,Playback({sound})\n same = n,Hangup()\n"
        f"[a1_proof]\nexten = {PLAYS},1,Answer()\n same = n,Playback({sound})\n same = n,Hangup()\n",
    )
    return asterisk


@pytest.mark.asterisk
@pytest.mark.slow
def test_a_caller_hears_a_prompt_whole_and_each_key_is_understood_in_order(line: Instance) -> None:
    before = len(events(line))

    async def story() -> Call:
        async with caller(line) as phone:
            call = await (await phone.call(NUMBER)).answered(2)
            await asyncio.sleep(len(GREETING) / RATE + 0.8)
            call.press("012345678*")
            while call.stream.waiting:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.3)
            call.hang_up()
            return call

    call = asyncio.run(story())
    assert match(call.heard(), GREETING).score > 0.98
    assert [fields[3] for fields in told(line, "ACCUEIL_KEY", before)] == list("012345678*")


@pytest.mark.asterisk
@pytest.mark.slow
def test_a_caller_and_a_desk_put_through_hear_each_other_and_the_desk_may_hang_up(line: Instance) -> None:
    before = len(events(line))

    async def story() -> tuple[Call, Call]:
        async with caller(line) as phone, desks(line, {"1040": Policy(after=0.3, says=DESK, lasts=4)}) as board:
            call = await (await phone.call(NUMBER)).answered(2)
            await asyncio.sleep(0.5)
            call.press("#")
            while not (board.received and board.received[0].in_progress):
                await asyncio.sleep(0.02)
            call.say(HELLO)
            await call.ended(10)
            return call, board.received[0]

    call, desk = asyncio.run(story())
    assert match(desk.heard(), HELLO).score > 0.95
    assert match(call.heard(), DESK).score > 0.95
    assert desk.ended_by is Side.US
    assert [fields[-1] for fields in told(line, "ACCUEIL_TRANSFER", before)] == ["ANSWER"]


@pytest.mark.asterisk
@pytest.mark.parametrize(("policy", "key", "outcome"), [(BUSY, "#", "BUSY"), (DECLINE, "#", "CHANUNAVAIL"), (IGNORE, "9", "NOANSWER")])
def test_a_desk_busy_declining_or_silent_sends_the_caller_back(line: Instance, policy: Policy, key: str, outcome: str) -> None:
    before = len(events(line))

    async def story() -> None:
        async with caller(line) as phone, desks(line, others=policy) as board:
            call = await (await phone.call(NUMBER)).answered(2)
            await asyncio.sleep(0.4)
            call.press(key)
            while not told(line, "ACCUEIL_TRANSFER", before):
                await asyncio.sleep(0.05)
            call.hang_up()
            assert [desk.status for desk in board.received] == [policy.status or 487]

    asyncio.run(story())
    assert [fields[-1] for fields in told(line, "ACCUEIL_TRANSFER", before)] == [outcome]


@pytest.mark.asterisk
def test_a_caller_who_hangs_up_while_a_desk_rings_stops_the_ringing(line: Instance) -> None:
    async def story() -> None:
        async with caller(line) as phone, desks(line, others=IGNORE) as board:
            call = await (await phone.call(NUMBER)).answered(2)
            await asyncio.sleep(0.4)
            call.press("#")
            while not board.received:
                await asyncio.sleep(0.02)
            call.hang_up()
            assert await board.received[0].ended(3) is Side.THEM
            assert board.received[0].status == 487

    asyncio.run(story())


@pytest.mark.asterisk
def test_the_line_hears_one_of_its_prompts_by_calling_itself(line: Instance) -> None:
    async def story() -> Call:
        async with caller(line) as phone:
            call = await phone.call(PLAYS, caller="proof", credentials=Credentials("proof", line.secrets["proof"]))
            assert await (await call.answered(2)).ended(10) is Side.THEM
            return call

    heard = best(asyncio.run(story()).heard(), {"greeting": GREETING, "hello": HELLO, "desk": DESK})
    assert heard is not None and heard.name == "greeting" and heard.score > 0.98


@pytest.mark.asterisk
@pytest.mark.slow
def test_fifty_simultaneous_calls_are_each_recorded_intact(line: Instance) -> None:
    async def story() -> list[Call]:
        async with caller(line) as phone:
            calls = [await phone.call(NUMBER, caller=f"06123456{at:02}") for at in range(50)]
            await asyncio.gather(*(call.answered(5) for call in calls))
            await asyncio.sleep(len(GREETING) / RATE + 1)
            assert all(call.in_progress for call in calls)
            for call in calls:
                call.hang_up()
            await asyncio.gather(*(call.ended(5) for call in calls))
            return calls

    for call in asyncio.run(story()):
        assert [said.name for said in sequence(call.heard(), {"greeting": GREETING, "hello": HELLO})] == ["greeting"]
        assert match(call.heard(), GREETING).score > 0.95
