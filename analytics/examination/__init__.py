"""Monitors examined by night: what a day of readings looks like, and whether it looks like the days before.

A finding is a suspicion with its reasons, for somebody to look at. Nothing here opens an alert.
"""
