"""Stored readings read again: exported, searched, judged by other rules."""
