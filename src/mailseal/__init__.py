"""mailseal decides how mail to each next hop must be secured (MTA-STS, DANE)."""

__version__ = "0.1.0"


class Error(Exception):
    """Base of every error that mailseal raises by intention."""
