"""A private Internet on loopback, for tests and for the demo.

A signed root and zones, a validating resolver, policy hosts, MX hosts good
and broken, an attacker, and the real MTAs that ask mailseal: all of it in a
network and mount namespace of its own, so that nothing of the machine is
touched. ``lab.internet.Lab.start()`` brings it up in seconds; ``lab/README.md``
has the table of its domains.
"""

from lab.unavailable import Unavailable

__all__ = ["Unavailable"]
