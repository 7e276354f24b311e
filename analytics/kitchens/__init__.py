"""Kitchens judged, an idea a module: which readings to believe, ten-minute windows, the purifier, its cleaning,
silence, and readings that cannot be what they say. `analytics.fume` folds them over the readings.
"""
