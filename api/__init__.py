"""HTTP, the live stream and the console.

May import alerts and everything below; meets ingest only in the database.
"""
