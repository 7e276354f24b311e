"""From broker to commit: receive, decode, believe, judge, store, acknowledge.

May import alerts and everything below; meets api only in the database.
"""
