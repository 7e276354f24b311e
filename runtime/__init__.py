"""What every process needs before it does its own work: settings, logs, database, embedded parts, commands.

Knows no domain and imports none of the other packages.
"""

__version__ = "0.1.0"
