"""Single addresses of policy hosts, as a test wants them seen."""

from datetime import datetime, timedelta

from mailseal.checks.evidence import Failure, PolicyFetch, TlsFacts, Trouble
from mailseal.names import Domain
from mailseal.testing.clock import DEFAULT_START, ManualClock
from mailseal.testing.holds import Holds


class FakePolicyProber:
    """Policy hosts looked at address by address (the ``ports.PolicyProber`` protocol).

    ``probes`` keeps every probe as ``(host, address, path, user_agent)``, in order. Nothing
    listens where a test has said nothing. ``hold`` is by host name.
    """

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        self.probes: list[tuple[str, str, str, str]] = []
        self._clock = clock
        self._fetches: dict[tuple[str, str, str, bool], PolicyFetch] = {}
        self._holds = Holds(clock)
        self.hold = self._holds.hold

    def serve(
        self,
        host: str,
        address: str,
        body: bytes | str = b"",
        *,
        status: int = 200,
        content_type: str = "text/plain",
        headers: tuple[tuple[str, str], ...] = (),
        tls: TlsFacts | None = None,
        path: str = "",
        to_browsers: bool = False,
    ) -> None:
        """Answer at one address; ``to_browsers`` alone, who say that they are one."""
        self._fetches[host, address, path, to_browsers] = PolicyFetch(
            address=address,
            started_at=DEFAULT_START,
            duration=timedelta(milliseconds=50),
            tls=tls,
            status=status,
            headers=(("content-type", content_type), *headers),
            body=body if isinstance(body, bytes) else body.encode(),
            is_whole=True,
        )

    def fail(self, host: str, address: str, trouble: Trouble, reason: str = "as told") -> None:
        """Let nothing come of an address."""
        self._fetches[host, address, "", False] = _failed(
            address, Failure(trouble=trouble, reason=reason)
        )

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> PolicyFetch:
        """Give what the test said."""
        self.probes.append((host, address, path, user_agent))
        started_at = self._clock.now() if self._clock else DEFAULT_START
        if not await self._holds.pass_by(host, timeout):
            late = Failure(trouble=Trouble.TIMEOUT, reason="fake policy host: timeout")
            return _failed(address, late, started_at)
        fetch = self._fetches.get((host, address, path, bool(user_agent)))
        if fetch is None and (known := self._fetches.get((host, address, "", False))):
            # A host that serves anything has a web server: it knows no other path.
            fetch = _not_found(known) if path else known
        if fetch is None:
            refused = Failure(trouble=Trouble.REFUSED, reason="nothing listens there")
            return _failed(address, refused, started_at)
        return fetch


def _failed(address: str, failure: Failure, at: datetime = DEFAULT_START) -> PolicyFetch:
    return PolicyFetch(address=address, started_at=at, duration=timedelta(0), failure=failure)


def _not_found(known: PolicyFetch) -> PolicyFetch:
    return PolicyFetch(
        address=known.address,
        started_at=known.started_at,
        duration=known.duration,
        tls=known.tls,
        status=404,
        is_whole=True,
    )
