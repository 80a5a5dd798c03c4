"""A small phone script as the communication team would type it."""

from __future__ import annotations

from typing import Any

import yaml


def a_text(greeting: str = "Bonjour, vous êtes à la préfecture.", **changes: Any) -> str:
    """The YAML of a script with a greeting, a menu, a transfer and an end. `changes`: nodes by name, None removes one."""
    nodes: dict[str, Any] = {
        "accueil": {"type": "message", "say": {"fr": greeting}, "notices": ["automatic"], "next": "principal"},
        "principal": {
            "type": "menu",
            "choices": [
                {"key": "1", "label": {"fr": "Pour une carte d'identité"}, "to": "carte"},
                {"key": "2", "label": {"fr": "Pour les horaires"}, "to": "horaires"},
            ],
            "silence": {"say": {"fr": "Je n'ai rien entendu."}},
            "wrong": {"say": {"fr": "Cette touche ne mène nulle part."}},
            "exhausted": {"say": {"fr": "Une personne va vous aider."}, "to": "agent"},
        },
        "carte": {"type": "message", "say": {"fr": "La carte d'identité se demande en mairie."}, "next": "fin"},
        "horaires": {"type": "message", "hours_of": ["citoyennete"], "next": "fin"},
        "agent": {"type": "transfer", "service": "citoyennete", "subject": {"fr": "accueil"}, "unanswered": "fin"},
        "ferme": {"type": "message", "say": {"fr": "La préfecture est fermée."}, "next": "fin"},
        "fin": {"type": "end", "say": {"fr": "Au revoir."}},
        **changes,
    }
    script = {
        "id": "accueil",
        "title": "Accueil de la préfecture",
        "languages": ["fr"],
        "start": "accueil",
        "menu": "principal",
        "agent": "agent",
        "forced_closure": "ferme",
        "nodes": {name: node for name, node in nodes.items() if node is not None},
    }
    return yaml.safe_dump(script, allow_unicode=True, sort_keys=False)
