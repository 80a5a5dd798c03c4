"""The phone line: speaks Asterisk. Meets `api` only through the database."""

import knowledge  # noqa: F401 - before numpy
