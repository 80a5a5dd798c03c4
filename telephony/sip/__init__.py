"""A telephone of our own: it calls, answers, presses keys, records, and recognises what it heard."""
