"""`python -m knowledge`: migrate, check, load, export, diff, book…

Errors become one French line here: 0 done, 1 refused or failed, 2 wrong usage or a part to install.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from knowledge.commands import every_command
from knowledge.commands.screen import FrenchParser, warn
from knowledge.errors import KnowledgeError, PartMissing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        return code
    except PartMissing as error:
        warn(str(error))
        return 2
    except KnowledgeError as error:
        warn(str(error))
    except OperationalError as error:
        warn(f"La base ne répond pas ou ne peut pas être écrite ({error.orig}). Vérifiez l'espace disque et KNOWLEDGE_DATABASE.")
    except OSError as error:
        full = "Le disque est plein : libérez de l'espace puis relancez." if error.errno == errno.ENOSPC else None
        warn(full or f"Fichier inaccessible ({error.strerror or error}) : {error.filename or ''}")
    except KeyboardInterrupt:
        warn("Interrompu : rien n'a été modifié dans la base. Relancez la même commande.")
    return 1


def _parser() -> FrenchParser:
    parser = FrenchParser(prog="python -m knowledge", description="Ce que sait la préfecture : fiches, faits, services.")
    commands = parser.add_subparsers(required=True, metavar="commande", dest="commande", title="commandes", parser_class=FrenchParser)
    for command in every_command():
        command.register(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
