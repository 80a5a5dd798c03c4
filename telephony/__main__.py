"""`python -m telephony`: check, simulate…

Errors become one French line here: 0 done, 1 refused or failed, 2 wrong usage or a part to install.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from bot.errors import BotError
from knowledge.commands.screen import FrenchParser, warn
from knowledge.errors import KnowledgeError, PartMissing
from telephony.commands import every_command
from telephony.errors import AsteriskAbsent, TelephonyError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = FrenchParser(prog="python -m telephony", description="La ligne téléphonique : relire le script, l'écouter, le publier.")
    commands = parser.add_subparsers(required=True, metavar="commande", dest="commande", title="commandes", parser_class=FrenchParser)
    for command in every_command():
        command.register(commands)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        return code
    except (PartMissing, AsteriskAbsent) as error:
        warn(str(error))
        return 2
    except (TelephonyError, BotError, KnowledgeError) as error:
        warn(str(error))
    except OperationalError as error:
        warn(f"La base ne répond pas ({error.orig}). Vérifiez KNOWLEDGE_DATABASE, puis : python -m knowledge migrate")
    except OSError as error:
        warn(f"Fichier inaccessible ({error.strerror or error}) : {error.filename or ''}")
    except KeyboardInterrupt:
        warn("Interrompu.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
