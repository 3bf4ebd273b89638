"""Fakes of every door, for tests of what is behind them: DNS, policy and MX hosts, store, clock.

They are part of the package, so that whoever builds upon mailseal can test without a network::

    dns, hosts, clock = FakeDns(), FakePolicyHosts(), ManualClock()
    dns.txt("_mta-sts.example.com", "v=STSv1; id=1;")
    hosts.serve("example.com", "version: STSv1\\r\\nmode: enforce\\r\\n…")

A fake never sleeps: what takes time is held until the test lets it go on, or until the
``ManualClock`` has been advanced past its deadline.
"""

from mailseal.testing.alerts import FakeAlerts
from mailseal.testing.clock import ManualClock
from mailseal.testing.dns import FakeDns
from mailseal.testing.history import MemoryHistory
from mailseal.testing.pins import FakePins, MemoryShelf
from mailseal.testing.policyhosts import FakePolicyHosts
from mailseal.testing.policyprober import FakePolicyProber
from mailseal.testing.smtp import FakeSmtp
from mailseal.testing.store import MemoryStore
from mailseal.testing.zoneprober import FakeZoneProber

__all__ = [
    "FakeAlerts",
    "FakeDns",
    "FakePins",
    "FakePolicyHosts",
    "FakePolicyProber",
    "FakeSmtp",
    "FakeZoneProber",
    "ManualClock",
    "MemoryHistory",
    "MemoryShelf",
    "MemoryStore",
]
