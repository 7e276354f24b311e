"""Devices that do not exist, the truth about them, and the score of what was said of them.

May import devices and runtime only: it must not know how it is judged.
"""
