"""`book`: print the book of replies."""

from __future__ import annotations

import argparse
from pathlib import Path

from knowledge.commands import Subparsers
from knowledge.commands.screen import add_content, content_of, day, say, waiting


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "book",
        help="imprimer le livre des réponses (HTML, PDF)",
        description="Écrit le livre des réponses publiées. Sans changement depuis la dernière édition, l'édition reste la même.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FICHIER", help="fichier à écrire (.html, ou .pdf avec --pdf)")
    parser.add_argument("--pdf", action="store_true", help="écrire un PDF (demande l'extra « pdf »)")
    parser.add_argument("--day", type=day, metavar="AAAA-MM-JJ", help="jour dont les montants et délais sont imprimés")
    add_content(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from knowledge.book import compose, html, write_pdf
    from knowledge.clock import now, today
    from knowledge.database import require_schema, session
    from knowledge.proofreading.vocabulary import read_acronyms

    require_schema()
    with session() as opened:
        book = compose(opened, arguments.day or today(), read_acronyms(content_of(arguments)), now)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        if arguments.pdf:
            with waiting(f"Mise en page de {book.count} réponses (une demi-minute pour 300)"):
                write_pdf(book, arguments.out)
        else:
            arguments.out.write_text(html(book), encoding="utf-8")
    say(f"Livre écrit dans {arguments.out} : édition {book.edition}, {book.count} réponses.")
    return 0
