"""How a question becomes an answer: interpretation, retrieval, decision, wording, journal."""

import knowledge  # noqa: F401 - before numpy
