"""Policy hosts (RFC 8461 §3.3): fetched from as a sender does, and looked at as a checker does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from mailseal.names import Domain
from mailseal.results import ResultType

if TYPE_CHECKING:
    # A sender fetches too, and needs to know nothing of what is observed for a check.
    from mailseal.checks.evidence import PolicyFetch


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFetched:
    """The policy host answered 200 over a valid certificate; the body is not parsed yet.

    ``content_type`` is the header's value or None; ``certificate`` the policy host's own as DER,
    which ``certs.read_certificate`` takes apart for whoever wants to look at it.
    """

    body: bytes
    content_type: str | None
    address: str
    certificate: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFetchFailed:
    """No policy: ``result`` is TLSRPT's word, ``reason`` printable ASCII for people."""

    result: ResultType
    reason: str
    certificate: bytes | None = None


class PolicyFetcher(Protocol):
    """Gets ``https://mta-sts.DOMAIN/.well-known/mta-sts.txt`` as RFC 8461 §3.3 wants it."""

    async def fetch(
        self, domain: Domain, *, timeout: timedelta
    ) -> PolicyFetched | PolicyFetchFailed:
        """Fetch a policy's bytes; ends within ``timeout`` in all."""
        ...


class PolicyProber(Protocol):
    """Looks at one address of a policy host, whatever it serves and whatever its certificate."""

    async def probe(
        self,
        host: Domain,
        address: str,
        *,
        timeout: timedelta,
        path: str = "",
        user_agent: str = "",
    ) -> "PolicyFetch":
        """Fetch the policy from one address of ``mta-sts.DOMAIN``; ends within ``timeout``.

        ``path`` is another path to look at, ``user_agent`` what to be instead of ourselves.
        Never raises for what a server does.
        """
        ...
