"""Control questions: whether anything at all can be found out from here, whatever the domain.

They tell a list of dead domains from a resolver that is away and a port that is blocked.
"""

from collections.abc import Callable
from datetime import timedelta

from mailseal.answers import LookupFailed
from mailseal.ports.dns import Dns
from mailseal.services.port25 import Port25

# The largest zone there is. Its denials cover only names of their own (NSEC3 with opt-out), so that
# no resolver gives this answer out of what it remembers (RFC 8198 §5.2) while the Internet is away.
ZONE = "com"
MAX_TRIES = 3  # ours: a packet or two may be lost while thousands are under way


class ControlQuestions:
    """Asks them; each time anew (the ``doubt.Control`` protocol).

    ``make_label`` gives a label that no zone has. Without ``port25`` nothing is known of that.
    """

    def __init__(
        self,
        *,
        dns: Dns,
        port25: Port25 | None,
        timeout: timedelta,
        make_label: Callable[[], str],
    ) -> None:
        self._dns = dns
        self._port25 = port25
        self._timeout = timeout
        self._make_label = make_label

    async def can_resolve(self) -> bool:
        """Tell whether a resolver answers what it cannot know by heart."""
        for _ in range(MAX_TRIES):
            name = f"{self._make_label()}.{ZONE}"
            answer = await self._dns.look_up_txt(name, timeout=self._timeout)
            if not isinstance(answer, LookupFailed):
                return True
        return False

    async def can_use_port_25(self) -> bool:
        """Tell whether some mail server could be connected to, of the domains' or a reference."""
        return self._port25 is not None and await self._port25.is_proven()
