"""What the préfecture knows: approved replies, dated facts, services, official pages, phone scripts. Owns the database."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
"""Before numpy is read, here and by all who ask for this package first: its products are small, and the cores answer the people who ask at
the same time. With more, each waits for the others (8 clients: 193 turns a second with two, 211 with one)."""
