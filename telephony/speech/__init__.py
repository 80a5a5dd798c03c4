"""Sentences become sound files: read aloud in French and English, said by a voice or recorded by a person."""
