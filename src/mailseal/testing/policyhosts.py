"""The policy hosts of the world, as a test wants them."""

import asyncio
from datetime import timedelta

from mailseal.names import Domain
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.results import ResultType
from mailseal.testing.clock import ManualClock
from mailseal.testing.holds import Holds


class FakePolicyHosts:
    """The policy hosts of the world (the ``ports.PolicyFetcher`` protocol).

    ``fetches`` keeps every domain fetched for, in order; ``most_in_flight`` how many fetches
    ran at one time at most. A domain that was told nothing about has no policy host.
    """

    def __init__(self, *, clock: ManualClock | None = None) -> None:
        self.fetches: list[Domain] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._outcomes: dict[str, PolicyFetched | PolicyFetchFailed] = {}
        self._holds = Holds(clock)

    def serve(
        self,
        domain: str,
        body: bytes | str,
        *,
        content_type: str | None = "text/plain",
        address: str = "192.0.2.1",
        certificate: bytes | None = None,
    ) -> None:
        """Serve these bytes, with status 200 and a valid certificate."""
        self._outcomes[domain] = PolicyFetched(
            body=body if isinstance(body, bytes) else body.encode(),
            content_type=content_type,
            address=address,
            certificate=certificate,
        )

    def fail(
        self,
        domain: str,
        result: ResultType = ResultType.STS_POLICY_FETCH_ERROR,
        reason: str = "connection-refused",
        certificate: bytes | None = None,
    ) -> None:
        """Let fetches fail, until ``serve``."""
        self._outcomes[domain] = PolicyFetchFailed(
            result=result, reason=reason, certificate=certificate
        )

    def hold(self, domain: str) -> asyncio.Event:
        """Keep fetches waiting until the event is set (``clock``: or timed out)."""
        return self._holds.hold(domain)

    def count(self, domain: str) -> int:
        """Count the fetches for a domain."""
        return self.fetches.count(Domain(domain))

    async def fetch(
        self, domain: Domain, *, timeout: timedelta
    ) -> PolicyFetched | PolicyFetchFailed:
        """Give what the test said; what stands when the fetch ends counts."""
        self.fetches.append(domain)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            is_in_time = await self._holds.pass_by(domain, timeout)
        finally:
            self.in_flight -= 1
        if not is_in_time:
            return _no_policy("timeout")
        return self._outcomes.get(domain) or _no_policy("no-address")


def _no_policy(reason: str) -> PolicyFetchFailed:
    return PolicyFetchFailed(result=ResultType.STS_POLICY_FETCH_ERROR, reason=reason)
