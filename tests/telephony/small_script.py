"""A phone script small enough to be read beside a test, and its sentences."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from knowledge import directory
from knowledge.facts import Facts
from knowledge.scripts.model import Script, parse
from knowledge.scripts.telling import Told, tell

CONTENT = Path(__file__).parents[2] / "knowledge" / "content"
DAY = date(2026, 11, 24)
TINY = (Path(__file__).parent / "tiny_script.yml").read_text("utf-8")
"""An even smaller one, whose whole proof takes seconds."""

SMALL = """
id: accueil
title: Un petit script
languages: [fr, en]
start: bienvenue
menu: principal
agent: vers_standard
forced_closure: ferme
nodes:
  bienvenue:
    type: message
    say: {fr: "Bonjour, vous êtes à la préfecture.", en: "Hello, this is the préfecture."}
    notices: [automatic]
    next: langue
  langue:
    type: language
    keys: {en: "8"}
    next: heures
  heures:
    type: schedule
    service: standard
    open: principal
    closed: ferme
    holiday: ferie
  principal:
    type: menu
    say: {fr: "Voici le menu.", en: "Here is the menu."}
    choices:
      - {key: "1", label: {fr: "Pour le permis de conduire", en: "For the driving licence"}, to: vers_permis}
      - {key: "2", label: {fr: "Pour nos horaires", en: "For our opening hours"}, to: horaires}
      - {key: "3", label: {fr: "Pour un titre de séjour", en: "For a residence permit"}, to: file_sejour}
      - {key: "4", label: {fr: "Pour poser une question", en: "To ask a question"}, to: question}
      - {key: "5", label: {fr: "Pour être rappelé", en: "To be called back"}, to: rappel}
    silence: {say: {fr: "Je n'ai rien entendu.", en: "I heard nothing."}}
    wrong: {say: {fr: "Cette touche n'est pas proposée.", en: "This key is not offered."}}
    exhausted: {say: {fr: "Je vous passe une personne.", en: "I am passing you to a person."}, to: vers_standard}
    attempts: 2
  horaires:
    type: message
    hours_of: [standard]
    next: principal
  vers_permis:
    type: transfer
    service: permis
    subject: {fr: "permis de conduire"}
    seconds: 10
    unanswered: au_revoir
  vers_standard:
    type: transfer
    service: standard
    subject: {fr: "sujet non précisé"}
    seconds: 10
    unanswered: au_revoir
  file_sejour:
    type: queue
    service: migrations
    subject: {fr: "titre de séjour"}
    seconds: 30
    most: 1
    full: au_revoir
    unanswered: au_revoir
  question:
    type: question
    say: {fr: "Posez votre question après ce message.", en: "Ask your question after this message."}
    next: principal
  rappel:
    type: callback
    service: permis
    say: {fr: "Un agent va vous rappeler.", en: "An agent will call you back."}
    next: au_revoir
  ferme:
    type: message
    say: {fr: "La préfecture est fermée en ce moment.", en: "The préfecture is closed at the moment."}
    next: au_revoir
  ferie:
    type: message
    say: {fr: "La préfecture est fermée aujourd'hui, jour férié.", en: "The préfecture is closed today, a public holiday."}
    next: au_revoir
  au_revoir:
    type: end
    say: {fr: "Merci de votre appel, au revoir.", en: "Thank you for your call, goodbye."}
"""


def small(**changed: str) -> Script:
    """The small script; `changed` replaces a text by another: `small(**{"Voici le menu.": "Menu."})`."""
    text = SMALL
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return parse(text, "small.yml").script


@cache
def the_directory() -> directory.Directory:
    return directory.read(CONTENT)


def told(script: Script | None = None, day: date = DAY) -> Told:
    """Its sentences, with the services of the demonstration."""
    return tell(script or small(), the_directory(), Facts(()), {}, day)
