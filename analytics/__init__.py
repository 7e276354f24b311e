"""The engine: arrays in, arrays and events out; no clock, no I/O.

May import devices and runtime.
"""
