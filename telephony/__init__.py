"""The phone line: speaks Asterisk. Meets `api` only through the database."""
