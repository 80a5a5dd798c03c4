"""The benches of the telephone line: each starts a real Asterisk of its own on free loopback ports, and stops it."""
