"""Servers that come with the package, so that nothing has to be installed beside it.

docs/decisions/0003-embedded-parts.md says why these, and why with launchers of our own.
"""
