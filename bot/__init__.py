"""How a question becomes an answer: interpretation, retrieval, decision, wording, journal."""
