"""What Asterisk wrote becomes the journal of calls."""
