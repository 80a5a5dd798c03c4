"""Where the ways of a phone script lead: what no caller reaches, where one could stay for ever, what must come first (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from knowledge.documents import Place
from knowledge.errors import Remark
from knowledge.scripts.model import (
    End,
    LanguageChoice,
    Menu,
    Message,
    Notice,
    Question,
    Queue,
    Repeat,
    Schedule,
    ScriptFile,
    Slower,
    Transfer,
    edges,
)

MOST_CHOICES = 5
MOST_LEVELS = 3
"""Menus to cross before an answer, the first one included."""


class Paths:
    """The ways of one script. Repeat and slower lead back to the node that leads to them; the keys of the house are everywhere."""

    def __init__(self, file: ScriptFile) -> None:
        self._script, self._document = file.script, file.document
        self._nodes = file.script.nodes
        self._ways = {name: tuple(self._landing(name, edge.to) for edge in edges(node)) for name, node in self._nodes.items()}

    def refusals(self) -> Iterator[Remark]:
        yield from self._entrances()
        yield from self._menus()
        yield from self._unreached()
        yield from self._dead_ends()
        yield from self._loops()
        yield from self._levels()
        yield from self._notices()
        yield from self._languages()

    def person(self, name: str) -> str | None:
        """The transfer or queue where `name` leads during opening hours, schedules crossed; None when it leads elsewhere."""
        crossed: set[str] = set()
        while isinstance(node := self._nodes[name], Schedule) and name not in crossed:
            crossed.add(name)
            name = node.open
        return name if isinstance(node, Transfer | Queue) else None

    # --- What the script must begin with ---------------------------------------------------------------------------------

    def _entrances(self) -> Iterator[Remark]:
        script = self._script
        start = self._nodes[script.start]
        if not isinstance(start, Message) or start.valid_to is not None:
            yield self._top("start", "entrée", f"« {script.start} » doit être un message sans date de fin", "commencez par saluer")
        if not isinstance(self._nodes[script.menu], Menu):
            yield self._top("menu", "menu principal", f"« {script.menu} » n'est pas un menu", "nommez le menu principal : # y mène")
        if self.person(script.agent) is None:
            yield self._top(
                "agent",
                "agent",
                f"« {script.agent} » ne mène à personne aux heures d'ouverture",
                "nommez un transfert, une file, ou des horaires dont « open » y mène : 0 y mène",
            )

    def _notices(self) -> Iterator[Remark]:
        wanted = {
            Notice.AUTOMATIC: "qu'un assistant automatique répond",
            Notice.RELAY: "comment les personnes sourdes ou malentendantes nous joignent",
        }
        for notice, meaning in wanted.items():
            silent = [name for name, node in self._nodes.items() if not (isinstance(node, Message) and _always_says(node, notice))]
            heard = self._reached([self._script.start], within=silent)
            choice = next((name for name in heard if isinstance(self._nodes[name], Menu | Question)), None)
            if choice is not None:
                yield self._refused(
                    (choice,),
                    "mention",
                    f"un appelant arrive ici sans avoir entendu {meaning}",
                    f"ajoutez « notices: [{notice.value}] » à un message sans date de fin qui précède",
                )

    def _languages(self) -> Iterator[Remark]:
        others = self._script.languages[1:]
        offered: set[str] = set()
        for name, node in self._nodes.items():
            if isinstance(node, LanguageChoice):
                offered |= node.keys.keys()
                for language in node.keys.keys() - set(self._script.languages):
                    unknown = f"« {language} » n'est pas une langue du script"
                    yield self._refused((name, "keys", language), "langue", unknown, "retirez-la, ou ajoutez-la à « languages »")
                if len(set(node.keys.values())) < len(node.keys):
                    yield self._refused((name, "keys"), "touche en double", "une touche choisit deux langues", "donnez-leur deux touches")
        for language in others:
            if language not in offered:
                yield self._top("languages", "langue", f"« {language} » n'est proposée nulle part", "ajoutez un nœud « type: language »")

    # --- Menus -----------------------------------------------------------------------------------------------------------

    def _menus(self) -> Iterator[Remark]:
        for name, menu in self._nodes.items():
            if not isinstance(menu, Menu):
                continue
            if len(menu.choices) > MOST_CHOICES:
                many = f"{len(menu.choices)} choix, {MOST_CHOICES} au plus : personne n'en retient davantage"
                yield self._refused((name, "choices"), "choix", many, "regroupez-les dans un second menu")
            keys = [choice.key for choice in menu.choices]
            for index, key in enumerate(keys):
                if key in keys[:index]:
                    twice = f"la touche {key} sert deux fois"
                    yield self._refused((name, "choices", index), "touche en double", twice, "donnez une touche à chaque choix")
            if menu.exhausted.to is None:
                yield self._refused(
                    (name, "exhausted"), "sortie", "« exhausted » ne mène nulle part", "ajoutez « to » : une personne, ou la fin"
                )

    def _levels(self) -> Iterator[Remark]:
        entrances = (self._script.start, self._script.forced_closure, *self._where(Transfer, Queue))
        level = dict.fromkeys([self._script.menu, *self._next_menus(entrances)], 1)
        waiting = deque(level)
        while waiting:
            menu = waiting.popleft()
            for deeper in self._next_menus([menu]):
                if deeper not in level:
                    level[deeper] = level[menu] + 1
                    waiting.append(deeper)
        for name, depth in level.items():
            if depth > MOST_LEVELS and isinstance(self._nodes[name], Menu):
                yield self._refused(
                    (name,), "niveaux", f"ce menu est au niveau {depth}, {MOST_LEVELS} au plus", "rapprochez-le du menu principal"
                )

    def _next_menus(self, sources: Iterable[str]) -> list[str]:
        """The menus met first after `sources`. Beyond a transfer, another count begins: a person was called in between."""
        crossed = set(self._nodes).difference(self._where(Menu, Transfer, Queue))
        first = [way for source in sources for way in self._ways[source]]
        return [name for name in self._reached(first, within=crossed) if isinstance(self._nodes[name], Menu)]

    # --- Ways ------------------------------------------------------------------------------------------------------------

    def _unreached(self) -> Iterator[Remark]:
        script = self._script
        desks = self._where(Transfer, Queue) if self._where(Question) else ()  # a spoken question may lead to any of them
        reached = set(self._reached([script.start, script.forced_closure, script.menu, script.agent, *desks]))
        named = {edge.to for name in reached for edge in edges(self._nodes[name])}  # repeat and slower are named, never entered
        for name in self._nodes:
            if name not in reached | named:
                yield self._refused((name,), "nœud isolé", "aucun appel n'arrive ici", "menez-y par un choix, ou retirez-le")

    def _dead_ends(self) -> Iterator[Remark]:
        for name in self._nodes:
            if name in self._closed:
                yield self._refused(
                    (name,), "cul-de-sac", "d'ici, aucun chemin ne mène à une personne ni à la fin", "ajoutez un choix ou une suite"
                )

    def _loops(self) -> Iterator[Remark]:
        """Cycles of what happens to a caller who presses nothing, one remark each."""
        ways = {name: set(onward) for name, onward in self._untouched.items() if name not in self._closed}
        while ways := _endless(ways):
            cycle = _cycle(ways)
            around = " → ".join((*cycle, cycle[0]))
            yield self._refused(
                (cycle[-1],),
                "boucle",
                f"sans rien presser, un appelant tourne en rond : {around}",
                "menez l'un d'eux à une personne ou à la fin",
            )
            for name in cycle:
                del ways[name]

    @cached_property
    def _untouched(self) -> Mapping[str, tuple[str, ...]]:
        """By node, where a caller goes who presses nothing."""
        ways = dict(self._ways)
        for name, menu in self._nodes.items():
            if isinstance(menu, Menu):
                onward = menu.silence.to if menu.attempts > 1 and menu.silence.to else menu.exhausted.to
                ways[name] = (self._landing(name, onward),) if onward else ()
        return ways

    @cached_property
    def _closed(self) -> frozenset[str]:
        """The nodes from which no way leads to a person or to the end. Repeat and slower belong to the node that leads to them."""
        open_ = set(self._where(End, Transfer, Queue, Repeat, Slower))
        before = _reversed(self._ways)
        waiting = deque(open_)
        while waiting:
            more = before[waiting.popleft()] - open_
            open_ |= more
            waiting.extend(more)
        return frozenset(self._nodes.keys() - open_)

    def _reached(self, sources: Iterable[str], within: Iterable[str] | None = None) -> list[str]:
        """`sources` and what follows them, nearest first; only the nodes of `within` are crossed."""
        crossed = set(self._nodes if within is None else within)
        found = dict.fromkeys(sources)
        waiting = deque(found)
        while waiting:
            name = waiting.popleft()
            for way in self._ways[name] if name in crossed else ():
                if way not in found:
                    found[way] = None
                    waiting.append(way)
        return list(found)

    def _landing(self, source: str, to: str) -> str:
        return source if isinstance(self._nodes[to], Repeat | Slower) else to

    def _where(self, *kinds: type) -> tuple[str, ...]:
        return tuple(name for name, node in self._nodes.items() if isinstance(node, kinds))

    def _refused(self, place: Place, rule: str, message: str, remedy: str) -> Remark:
        return self._document.refused(("nodes", *place), rule, f"{place[0]} : {message}", remedy)

    def _top(self, field: str, rule: str, message: str, remedy: str) -> Remark:
        return self._document.refused((field,), rule, message, remedy)


def _always_says(message: Message, notice: Notice) -> bool:
    return notice in message.notices and message.valid_to is None


def _reversed(ways: Mapping[str, Iterable[str]]) -> Mapping[str, set[str]]:
    """What leads to each node."""
    before: dict[str, set[str]] = {name: set() for name in ways}
    for name, onward in ways.items():
        for way in onward:
            before.setdefault(way, set()).add(name)
    return before


def _endless(ways: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What is left of `ways` once those that end somewhere are taken away: every node has a way on."""
    before = _reversed(ways)
    left = {name: onward & ways.keys() for name, onward in ways.items()}
    ended = deque(name for name, onward in left.items() if not onward)
    while ended:
        end = ended.popleft()
        del left[end]
        for name in before[end]:
            left[name].discard(end)
            if not left[name]:
                ended.append(name)
    return left


def _cycle(ways: Mapping[str, set[str]]) -> list[str]:
    """One cycle of `ways`, in which every node has a way on."""
    path: list[str] = []
    name = min(ways)
    while name not in path:
        path.append(name)
        name = min(ways[name])
    return path[path.index(name) :]
