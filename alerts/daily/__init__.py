"""The bureau's daily report: figures of one local day as tables, and the files they are written to.

What each table says stands in docs/reports.md, in the same order.
"""
