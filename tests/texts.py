"""Texts that anybody may send: what Hypothesis draws from."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.payloads import HOSTILE_HTML

_WORDS = st.sampled_from(
    "carte identité perdue permis conduire grise titre séjour passeport mairie combien rendez-vous dossier et pour mon fils".split()
)
_TRICKS = st.sampled_from(
    [
        *HOSTILE_HTML,
        "{{ 7*7 }}",
        "{service}",
        "{0.__class__}",
        "%s%n",
        "${7*7}",
        "'; DROP TABLE exchange; --",
        "\x00",
        "\ud800",
        "\u202e",
        "\r\nBcc: x@y.z",
        "=1+1",
        "/restart",
        "\\",
    ]
)
ANY_CHARACTER = st.characters() | st.characters(categories=["Cs", "Cc", "Cf", "So", "Lo"])
ANY_TEXT = st.one_of(
    st.text(ANY_CHARACTER, max_size=120),
    st.lists(_WORDS | _TRICKS, max_size=8).map(" ".join),
    st.lists(_WORDS | st.text(ANY_CHARACTER, max_size=10), max_size=10).map(" ".join),
)
"""Anything: letters of every script, control characters, lone surrogates, procedures, tricks."""
