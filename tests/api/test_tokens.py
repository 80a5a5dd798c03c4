from __future__ import annotations

import random
import stat
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from api.errors import ConversationClosed, SecretMissing, TokenRefused
from api.settings import SAMPLE_SECRET, ApiSettings
from api.tokens import Tokens, signing_secret
from tests.api.conftest import SECRET
from tests.api.test_chat import LOST_CARD, ask

CONVERSATION = "0123456789abcdef0123456789abcdef"


class YesterdaySigner(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) - 86_400


def settings(folder: Path, **changed: object) -> ApiSettings:
    return ApiSettings(_env_file=None, state=folder, **changed)  # type: ignore[arg-type]


def test_a_token_gives_back_its_conversation() -> None:
    tokens = Tokens(SECRET, 120)
    assert tokens.unwrap(tokens.wrap(CONVERSATION)) == CONVERSATION


def test_each_token_opens_its_own_conversation_only(client: TestClient) -> None:
    answers = [ask(client, LOST_CARD) for _ in range(8)]
    for mine in answers:
        for other in answers:
            response = client.post("/chat/feedback", json={"token": mine["token"], "exchange": other["exchange"], "clear": True})
            assert response.status_code == (204 if mine is other else 404)


def test_ten_thousand_forged_tokens_open_nothing() -> None:
    tokens = Tokens(SECRET, 120)
    true = tokens.wrap(CONVERSATION)
    draw = random.Random(20261121)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    for _ in range(10_000):
        place = draw.randrange(len(true) - 1)  # the last character of base64 has spare bits
        changed = draw.choice(letters)
        forged = true[:place] + changed + true[place + 1 :]
        if changed == true[place]:
            continue
        with pytest.raises(TokenRefused):
            tokens.unwrap(forged)


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        CONVERSATION,
        "." * 100,
        "a" * 10_000,
        Tokens("un autre secret de la même longueur !!!!", 120).wrap(CONVERSATION),
        URLSafeTimedSerializer(SECRET, salt="autre usage").dumps(CONVERSATION),
        "💥" * 40,
    ],
    ids=["short", "bare", "dots", "long", "another secret", "another use", "not ASCII"],
)
def test_a_token_that_is_not_ours_is_refused(client: TestClient, forged: str) -> None:
    response = client.post("/chat", json={"message": LOST_CARD, "token": forged})
    assert response.status_code == 401
    assert response.json()["code"] == "token_refused"


def test_an_old_token_is_closed_and_says_so(client: TestClient) -> None:
    old = URLSafeTimedSerializer(SECRET, salt="conversation", signer=YesterdaySigner).dumps(CONVERSATION)
    with pytest.raises(ConversationClosed):
        Tokens(SECRET, 120).unwrap(str(old))
    response = client.post("/chat", json={"message": LOST_CARD, "token": old})
    assert response.status_code == 401
    assert response.json()["code"] == "conversation_closed"
    assert "nouvelle conversation" in response.json()["message"]


def test_a_demonstration_makes_its_secret_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    first = signing_secret(settings(tmp_path / "état", demo=True))
    assert len(first) >= 32
    assert signing_secret(settings(tmp_path / "état", demo=True)) == first
    kept = tmp_path / "état" / "secret-de-demonstration"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_secret_left_half_written_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "secret-de-demonstration").write_text("")
    assert len(signing_secret(settings(tmp_path, demo=True))) >= 32


@pytest.mark.parametrize("secret", [SAMPLE_SECRET, "court", ""])
def test_a_real_instance_refuses_a_sample_or_short_secret(tmp_path: Path, secret: str) -> None:
    with pytest.raises(SecretMissing, match="API_SECRET"):
        signing_secret(settings(tmp_path, demo=False, secret=secret))


def test_a_folder_that_cannot_be_written_is_told_in_french(tmp_path: Path) -> None:
    (tmp_path / "fichier").write_text("")
    with pytest.raises(SecretMissing, match="Vérifiez la place et les droits"):
        signing_secret(settings(tmp_path / "fichier", demo=True))
