"""Conversation tokens: a server-made identifier, signed, that expires when the visitor stays away.

The identifier never appears in an address, and knowing one is useless without its signature (T24).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from api.errors import ConversationClosed, SecretMissing, TokenRefused
from api.settings import SAMPLE_SECRET, ApiSettings

LONGEST_TOKEN = 200
"""A true token is about 80 characters; nothing longer is examined."""


class Tokens:
    """Wraps a conversation identifier for the visitor, and recognises it when it comes back."""

    def __init__(self, secret: str, minutes: int) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="conversation")
        self._seconds = minutes * 60

    def wrap(self, conversation: str) -> str:
        return self._signer.dumps(conversation)

    def unwrap(self, token: str) -> str:
        """The conversation of this token.

        Raises:
            ConversationClosed: the token is ours, but too old.
            TokenRefused: the token is not ours.
        """
        if len(token) > LONGEST_TOKEN:
            raise TokenRefused
        try:
            conversation = self._signer.loads(token, max_age=self._seconds)
        except SignatureExpired:
            raise ConversationClosed from None
        except BadData:
            raise TokenRefused from None
        return str(conversation)


def signing_secret(settings: ApiSettings) -> str:
    """The secret of this instance; a demonstration makes its own and keeps it, so that tokens survive a restart.

    Raises:
        SecretMissing: not a demonstration, and no secret of its own; or the secret cannot be kept.
    """
    if settings.secret != SAMPLE_SECRET:
        if len(settings.secret) < 32 and not settings.demo:
            raise SecretMissing("API_SECRET est trop court : donnez au moins 32 caractères tirés au hasard, puis relancez.")
        return settings.secret
    if not settings.demo:
        raise SecretMissing(
            'API_SECRET n\'est pas réglé. Tirez-en un avec : python -c "import secrets; print(secrets.token_urlsafe(32))", '
            "écrivez-le dans .env, puis relancez."
        )
    return _kept_secret(settings.state / "secret-de-demonstration")


def _kept_secret(file: Path) -> str:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or not file.read_text().strip():
            # Written aside then renamed: two processes starting together, or one interrupted, never leave half a secret.
            aside = file.with_name(f"{file.name}.{os.getpid()}")
            aside.touch(mode=0o600)
            aside.write_text(secrets.token_urlsafe(32))
            aside.replace(file)
        return file.read_text().strip()
    except OSError as error:
        raise SecretMissing(
            f"Impossible d'écrire dans le dossier « {file.parent} » ({error.strerror}). "
            "Vérifiez la place et les droits, ou réglez API_STATE."
        ) from error
