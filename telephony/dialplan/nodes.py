"""The priorities of each kind of node, in one language at one speed. `Dial` and `Queue` are written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from knowledge.scripts.model import (
    RATES,
    Callback,
    End,
    FicheAnswer,
    LanguageChoice,
    Menu,
    Message,
    Node,
    Question,
    Queue,
    Repeat,
    Schedule,
    Slower,
    Transfer,
    Voicemail,
    service_symbol,
)
from knowledge.scripts.told import Sentence, Told
from telephony.dialplan.lines import SLOW, Context, Line, context_of, speech_suffix
from telephony.errors import ScriptUncompilable

if TYPE_CHECKING:  # a shape only: nothing of the database is imported
    from knowledge.directory import Week

SPEECH_SECONDS = 30
"""The longest spoken turn: then the caller is back in the menu, whatever the state of the application (T11)."""
CLOCK = '${IF($["${ACCUEIL_AT}"=""]?${EPOCH}:${ACCUEIL_AT})}'
"""The present instant; a rehearsal of a closed day sets ACCUEIL_AT on the whole Asterisk, which no caller can do."""


@dataclass(frozen=True)
class Version:
    """What is common to all languages and speeds of one version."""

    told: Told
    number: int
    timezone: str
    file_of: Callable[[Sentence, str], str]
    """The sound of a sentence at a rate, as the dialplan names it."""

    def context(self, language: str, rate: str, node: str) -> str:
        return context_of(self.number, language, rate, self.told.script.symbol(node))


@dataclass(frozen=True)
class View:
    """One language at one speed."""

    plan: Version
    language: str
    rate: str

    def node(self, name: str, node: Node) -> list[Line]:
        context = Context(self._context(name))
        writing = _Writing(self, name, context)
        match node:
            case Message() | FicheAnswer():
                writing.information(node)
            case Menu():
                writing.menu(node)
            case LanguageChoice():
                writing.language(node)
            case Question():
                writing.question(node)
            case Transfer() | Queue():
                return [*writing.transfer(node), *self._whisper(name)]
            case Schedule():
                writing.schedule(node)
            case Callback():
                writing.callback(node)
            case Voicemail():
                writing.voicemail(node)
            case End():
                writing.end()
            case Repeat() | Slower():
                pass  # resolved where they are named: they lead back to the node that names them
        return context.lines

    def destinations(self) -> list[Line]:
        """Where a spoken question or a desk may send a caller: an enumeration, nothing else."""
        script = self.plan.told.script
        context = Context(context_of(self.plan.number, self.language, self.rate, "go"))
        places = {"menu": script.menu, "agent": script.agent, **{service_symbol(service): desk for service, desk in script.desks.items()}}
        for extension, place in places.items():
            context.add(extension, "Goto", f"{self._context(place)},s,1")
        return context.lines

    def services(self) -> tuple[str, ...]:
        return tuple(service_symbol(service) for service in self.plan.told.script.desks)

    def goto(self, source: str, target: str) -> str:
        """Where `target` is, seen from `source`: repeat and slower lead back to it."""
        match self.plan.told.script.nodes[target]:
            case Repeat():
                return f"{self._context(source)},s,1"
            case Slower():
                return f"{self._twin(source)},s,1"
            case _:
                return f"{self._context(target)},s,1"

    def play(self, name: str, *parts: str) -> str:
        """The sound files of some parts of a node, in order."""
        said = (sentence for part in parts for sentence in self.plan.told.said(name, self.language, part))
        return "&".join(self.plan.file_of(sentence, self.rate) for sentence in said)

    def mark(self, name: str, *more: str) -> str:
        """How every event of this node begins."""
        where = f"{self.plan.number}|{self.language}{self.rate[0]}|{self.plan.told.script.symbol(name)}"
        return "|".join((where, *more))

    def _whisper(self, name: str) -> list[Line]:
        """What the agent hears before the caller; then what the spoken question left, if anything did (`telephony.questions.whisper`)."""
        context = Context(f"{self._context(name)}_whisper")
        context.add("s", "Playback", self.play(name, "whisper"))
        context.add("s", "Set", "SAID=${FILTER(0-9a-f,${DB(accueil_said/${MASTER_CHANNEL(SPEECH)}):0:32})}")
        context.add("s", "GotoIf", '$["${SAID}"=""]?reached')
        context.add("s", "Playback", "accueil/${SAID}")  # a file that is not there is passed over
        context.add("s", "Set", "MASTER_CHANNEL(REACHED)=1", label="reached")
        context.add("s", "Return")
        return context.lines

    def _context(self, name: str) -> str:
        return self.plan.context(self.language, self.rate, name)

    def _twin(self, name: str) -> str:
        return self.plan.context(self.language, RATES[-1], name)


@dataclass(frozen=True)
class _Writing:
    """The priorities of one node."""

    view: View
    name: str
    context: Context

    def information(self, node: Message | FicheAnswer) -> None:
        after = self.view.goto(self.name, node.next)
        if isinstance(node, Message) and node.valid_to:
            self._s("GotoIf", f"$[{self._now('%Y%m%d')} > {node.valid_to:%Y%m%d}]?{after}")
        self._entered()
        self._say("say")
        self._event("s", "ACCUEIL_HEARD")
        if self.name == self.view.plan.told.script.start:
            self._event("s", "ACCUEIL_WELCOMED")
        self._s("Goto", after)
        self._house_keys()

    def menu(self, node: Menu) -> None:
        self._s("Set", "TRIES=0")
        self._entered()
        self._s("Background", self.view.play(self.name, "say", "choices"), label="say")
        self._s("WaitExten", str(node.wait))
        for choice in node.choices:
            self._key(choice.key, self.view.goto(self.name, choice.to))
        for extension, event, part, way in (("i", "WRONG", "wrong", node.wrong), ("t", "SILENCE", "silence", node.silence)):
            pressed = ("${FILTER(0-9*#,${INVALID_EXTEN})}",) if extension == "i" else ()
            self._event(extension, f"ACCUEIL_{event}", *pressed)
            self.context.add(extension, "Set", "TRIES=$[${TRIES} + 1]")
            self.context.add(extension, "GotoIf", f"$[${{TRIES}} >= {node.attempts}]?exhausted,1")
            self._say(part, extension)
            self.context.add(extension, "Goto", self.view.goto(self.name, way.to) if way.to else "s,say")
        self._say("exhausted", "exhausted")
        self.context.add("exhausted", "Goto", self.view.goto(self.name, node.exhausted.to or self.view.plan.told.script.agent))
        self._house_keys()

    def language(self, node: LanguageChoice) -> None:
        self._entered()
        self._s("Background", self.view.play(self.name, "say"))
        self._s("WaitExten", str(node.wait))
        plan = self.view.plan
        first = plan.told.script.languages[0]
        for extension in ("i", "t"):
            self.context.add(extension, "Set", f"CHANNEL(language)={first}")
            self.context.add(extension, "Goto", f"{plan.context(first, self.view.rate, node.next)},s,1")
        for language, key in node.keys.items():
            self._event(key, "ACCUEIL_KEY", key)
            self.context.add(key, "Set", f"CHANNEL(language)={language}")
            self.context.add(key, "Goto", f"{plan.context(language, self.view.rate, node.next)},s,1")
        self._house_keys()

    def question(self, node: Question) -> None:
        """The application answers; whatever happens to it, the caller goes on within the time limit (T11)."""
        script = self.view.plan.told.script
        after = self.view.goto(self.name, node.next)
        position, rate = script.positions[self.name], RATES.index(self.view.rate)
        suffix = speech_suffix(self.view.plan.number, position, script.languages.index(self.view.language), rate)
        self._entered()
        self._say("say")
        self._s("Set", "SPEECH=${UUID():0:24}" + suffix)
        self._s("Set", f"TIMEOUT(absolute)={SPEECH_SECONDS}", label="turn")
        self._s("TryExec", "AudioSocket(${SPEECH},${AUDIOSOCKET})")
        self._s("Goto", "outcome,1")
        self.context.add("T", "Goto", "outcome,1")
        self.context.add("outcome", "Set", "TIMEOUT(absolute)=0")
        self.context.add("outcome", "Set", "NEXT=${FILTER(a-z0-9_.,${DB_DELETE(accueil_next/${SPEECH})})}")
        self._event("outcome", "ACCUEIL_SPEECH", "${SPEECH}", "${TRYSTATUS}", "${NEXT}")
        self.context.add("outcome", "GotoIf", '$["${NEXT}"="again"]?s,turn')
        for view, chosen in ((self.view, ""), (replace(self.view, rate=RATES[-1]), SLOW)):  # a speed chosen while speaking is kept
            go = context_of(view.plan.number, view.language, view.rate, "go")
            self.context.add("outcome", "GotoIf", f'$["${{NEXT}}"="menu{chosen}"]?{view.goto(self.name, node.next)}')
            for place in ("agent", *view.services()):
                self.context.add("outcome", "GotoIf", f'$["${{NEXT}}"="{place}{chosen}"]?{go},{place},1')
        self._say("fallback", "outcome")
        self.context.add("outcome", "Goto", after)
        self._house_keys()

    def transfer(self, node: Transfer | Queue) -> list[Line]:
        """The only place where a call leaves for a person: the department is named to its end before anything rings."""
        service = self.view.plan.told.directory.get(node.service)
        if service is None or service.extension is None:
            raise ScriptUncompilable(f"Le service « {node.service} » n'a pas de poste : ajoutez « extension » dans services.yml.")
        symbol = service_symbol(node.service)
        self._entered()
        self._s("Playback", self.view.play(self.name, "announce"))
        self._s("Set", "ANNOUNCED=${PLAYBACKSTATUS}")
        self._event("s", "ACCUEIL_ANNOUNCED", node.service, "${ANNOUNCED}")
        self._s("GotoIf", '$["${ANNOUNCED}"="SUCCESS"]?:unanswered,1')
        whisper = f"{self.context.name}_whisper"
        self._s("Set", "REACHED=")  # set at the end of the whisper: an agent who hangs up before was never there
        if isinstance(node, Queue):
            self._s("GotoIf", f"$[${{QUEUE_WAITING_COUNT({symbol})}} >= {node.most}]?full,1")
            self._s("Playback", self.view.play(self.name, "leave"))
            self._s("Set", "QUEUESTATUS=")
            self._s("Queue", f"{symbol},c,,,{node.seconds},,{whisper}")
            self._s("GotoIf", '$["${QUEUESTATUS}"="FULL"]?full,1')
            self._event("s", "ACCUEIL_TRANSFER", node.service, "${QUEUESTATUS}")
            self._s("GotoIf", '$["${QUEUESTATUS}${REACHED}"="CONTINUE1"]?:unanswered,1')
            self._event("full", "ACCUEIL_TRANSFER", node.service, "FULL")
            self._say("full", "full")
            self.context.add("full", "Goto", self.view.goto(self.name, node.full))
        else:
            self._s("Playback", self.view.play(self.name, "leave"))
            self._s("Dial", f"PJSIP/{service.extension}@desks,{node.seconds},gU({whisper})")
            self._event("s", "ACCUEIL_TRANSFER", node.service, "${DIALSTATUS}")
            self._s("GotoIf", '$["${DIALSTATUS}${REACHED}"="ANSWER1"]?:unanswered,1')
        self._event("s", "ACCUEIL_END", "agent")
        self._s("Hangup")
        self._say("unanswered", "unanswered")
        self.context.add("unanswered", "Goto", self.view.goto(self.name, node.unanswered))
        return self.context.lines

    def schedule(self, node: Schedule) -> None:
        service = self.view.plan.told.directory.get(node.service)
        if service is None:
            raise ScriptUncompilable(f"Le service « {node.service} » n'existe pas : corrigez le script.")
        self._entered()
        days = f"a{self.view.plan.number}_days"
        self._s("GotoIf", f"${{DIALPLAN_EXISTS({days},{self._now('%Y%m%d')},1)}}?{self.view.goto(self.name, node.holiday)}")
        self._s("Set", f"MOMENT={self._now('%u%H%M')}")
        for condition in _openings(service.hours):
            self._s("GotoIf", f"$[{condition}]?{self.view.goto(self.name, node.open)}")
        self._s("Goto", self.view.goto(self.name, node.closed))

    def callback(self, node: Callback) -> None:
        self._entered()
        self._say("say")
        self._s("Set", "NUMBER=${FILTER(0-9+,${CALLERID(num):0:16})}")
        self._s("GotoIf", '$["${NUMBER}"=""]?withheld,1')
        self._s("Set", f"DB(accueil_callback/${{UNIQUEID}})={node.service}|${{NUMBER}}")
        self._event("s", "ACCUEIL_CALLBACK", node.service)
        self._say("done")
        self._s("Goto", self.view.goto(self.name, node.next))
        self._say("withheld", "withheld")
        self.context.add("withheld", "Goto", self.view.goto(self.name, node.next))
        self._house_keys()

    def voicemail(self, node: Voicemail) -> None:
        self._entered()
        self._say("say")
        self._event("s", "ACCUEIL_VOICEMAIL", node.service, "${UNIQUEID}")
        after = self.view.goto(self.name, node.next)
        self._s("Record", "${MESSAGES}/${UNIQUEID}.wav,5,120,kqyo")  # any key ends it; 0 still leads to a person
        self._s("GotoIf", '$["${RECORD_STATUS}"="OPERATOR"]?0,1')
        self._s("GotoIf", f'$["${{RECORD_STATUS}}"="ERROR"]?{after}')
        self._say("done")
        self._s("Goto", after)
        self._house_keys()

    def end(self) -> None:
        self._entered()
        self._s("Playback", self.view.play(self.name, "say"))
        self._event("s", "ACCUEIL_END", "line")
        self._s("Hangup")

    # --- Pieces ----------------------------------------------------------------------------------------------------------

    def _house_keys(self) -> None:
        """0 a person, * again, 9 slower, # the main menu: wherever something is said."""
        script, view = self.view.plan.told.script, self.view
        own = f"{self.context.name},s,1"
        slow = f"{view.plan.context(view.language, RATES[-1], self.name)},s,1"
        for key, target in (
            ("0", view.goto(self.name, script.agent)),
            ("*", own),
            ("9", slow),
            ("#", view.goto(self.name, script.menu)),
        ):
            self._key(key, target)

    def _key(self, key: str, target: str) -> None:
        self._event(key, "ACCUEIL_KEY", key)
        self.context.add(key, "Goto", target)

    def _entered(self) -> None:
        self._event("s", "ACCUEIL_NODE")

    def _event(self, extension: str, event: str, *more: str) -> None:
        self.context.add(extension, "CELGenUserEvent", f"{event},{self.view.mark(self.name, *more)}")

    def _say(self, part: str, extension: str = "s") -> None:
        """Sentences that only the keys of this context may interrupt; nothing when there are none."""
        files = self.view.play(self.name, part)
        if files:
            self.context.add(extension, "Background", f"{files},m")

    def _s(self, application: str, data: str = "", label: str = "") -> None:
        self.context.add("s", application, data, label)

    def _now(self, shape: str) -> str:
        return f"${{STRFTIME({CLOCK},{self.view.plan.timezone},{shape})}}"


def _openings(hours: Week) -> Iterator[str]:
    """The openings of a week as conditions on MOMENT (day of the week from 1, hour, minute); closing time excluded, as in the directory."""
    for day, openings in enumerate(hours, 1):
        for start, end in openings:
            yield f"${{MOMENT}} >= {day}{start:%H%M} & ${{MOMENT}} < {day}{end:%H%M}"
