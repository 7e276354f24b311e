"""HTTP and WebSocket: what officers' consoles and other programs ask of fleetfume.

May import alerts, analytics, devices and runtime; meets the collector only in the database.
"""
