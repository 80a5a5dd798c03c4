"""Schema history, applied by `knowledge.database.migrate`."""
