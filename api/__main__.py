"""`python -m api serve`: checks what it needs, starts the server, says what to open. `staff`: the keys of the staff.

Every failure at the start is one French line that says what to do: 0 stopped by hand, 1 cannot start, 2 wrong usage.
"""

from __future__ import annotations

import errno
import logging
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import closing

import uvicorn
from sqlalchemy.exc import OperationalError

from api import staff_keys
from api.app import create_app
from api.errors import ApiError, NotReady, PortTaken
from api.patience import patient
from api.settings import settings
from bot.errors import BotError
from knowledge.commands.screen import FrenchParser
from knowledge.database import default_engine, schema_is_current
from knowledge.errors import KnowledgeError
from knowledge.preparation import prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parser = FrenchParser(prog="python -m api", description="La ligne écrite : page de questions, module pour les sites, API.")
    commands = parser.add_subparsers(required=True, metavar="commande", title="commandes", parser_class=FrenchParser)
    serve = commands.add_parser("serve", help="ouvre la page de questions et l'API")
    serve.add_argument("--host", help="adresse d'écoute (API_HOST)")
    serve.add_argument("--port", type=int, help="port d'écoute (API_PORT)")
    serve.add_argument("--prepare", action="store_true", help="met d'abord à jour la base, les contenus et l'index")
    serve.set_defaults(run=lambda chosen: _serve(chosen.host or settings().host, chosen.port or settings().port, chosen.prepare))
    staff_keys.register(commands)
    try:
        chosen = parser.parse_args(arguments)
        code: int = chosen.run(chosen)
        return code
    except (ApiError, BotError, KnowledgeError) as error:
        _warn(str(error))
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        _warn(f"La base ne répond pas ({reason}). Vérifiez KNOWLEDGE_DATABASE et l'espace disque, puis relancez.")
    except OSError as error:
        full = "Le disque est plein : libérez de l'espace puis relancez." if error.errno == errno.ENOSPC else None
        _warn(full or f"Fichier inaccessible ({error.strerror or error}) : {error.filename or ''}")
    return 1


def _serve(host: str, port: int, prepare_first: bool) -> int:
    started = time.perf_counter()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    _check_port(host, port)
    if prepare_first:
        prepare()
    if not schema_is_current():
        raise NotReady("La base n'est pas à jour. Lancez : python -m knowledge migrate, puis relancez.")
    app = create_app(engine=default_engine())
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,  # api.gate logs each request without addresses or what was asked
        server_header=False,
        proxy_headers=False,  # api.rates reads X-Forwarded-For, from trusted proxies only
        timeout_keep_alive=5,
        http=patient(settings().request_seconds),
        ws="none",
    )
    _Announcing(config, started).run()
    return 0


class _Announcing(uvicorn.Server):
    """Says what to open once the port is really listening."""

    def __init__(self, config: uvicorn.Config, started: float) -> None:
        super().__init__(config)
        self._since = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        here = f"http://{_shown_host(self.config.host)}:{self.config.port}"
        print(
            f"Accueil est prêt ({time.perf_counter() - self._since:.1f} s).\n"
            f"  La page de questions         {here}/\n"
            f"  Le bouton sur un site        {here}/assistant\n"
            f"  L'interface des programmes   {here}/docs\n"
            "Pour arrêter : Ctrl+C",
            flush=True,
        )


def _check_port(host: str, port: int) -> None:
    """
    Raises:
        PortTaken: another program listens there, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except PermissionError as error:
            raise PortTaken(
                f"Le port {port} est réservé au système. Choisissez-en un au-dessus de 1024 : python -m api serve --port 8000"
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"Le port {port} est déjà pris par un autre programme. Arrêtez-le, ou choisissez un autre port : "
                    f"python -m api serve --port {port + 1}"
                ) from error
            raise PortTaken(f"Impossible d'écouter sur {host}:{port} ({error.strerror}). Vérifiez --host et --port.") from error


def _shown_host(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
