"""Compiled geometry on bare arrays.

Imports numpy and numba only.
"""
