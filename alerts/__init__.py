"""What the engine's events become: alerts, leads, their journal, and how they are told.

May import analytics, devices and runtime.
"""
