"""The sample district: made up to look plausible, always the same. Its files are in `simulators/district_data`.

    python -m simulators.district OUT_DIR

Real are only the counts of the bureau's yearly report, the names and codes of the 18 streets and towns, and the
names of the five key roads. See docs/sample-district.md.
"""
