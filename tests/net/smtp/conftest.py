"""A prober with short times, and an authority that it trusts."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailseal.checks.evidence import SmtpSession
from mailseal.names import Domain
from mailseal.net.smtp import NetSmtpProber
from mailseal.net.tls.trust import TrustStore
from mailseal.testing import ManualClock
from tests.net.pki import Authority
from tests.net.smtp.mxhost import MxHost

HOST = Domain("mx1.example.com")
Look = Callable[..., Awaitable[SmtpSession]]


@pytest.fixture(scope="session")
def trust(authority: Authority) -> TrustStore:
    """Trust the tests' authority."""
    return TrustStore(str(authority.ca_path))


def new_prober(trust: TrustStore, *, step_timeout: timedelta) -> NetSmtpProber:
    """Make a prober that speaks to loopback."""
    return NetSmtpProber(
        trust=trust,
        clock=ManualClock(),
        ehlo_name="checker.example.net",
        allow_private=True,
        step_timeout=step_timeout,
    )


@pytest.fixture
def prober(trust: TrustStore) -> NetSmtpProber:
    """Return a prober that loses patience at once."""
    return new_prober(trust, step_timeout=timedelta(milliseconds=300))


@pytest.fixture
def look(trust: TrustStore, prober: NetSmtpProber) -> Look:
    """Return a way to look at an MX host of the tests once.

    Where every answer comes, a slow machine has all the time that it needs.
    """
    patient = new_prober(trust, step_timeout=timedelta(seconds=15))

    async def look_at(
        mx: MxHost, *, is_deep: bool = False, timeout: timedelta = timedelta(seconds=20)
    ) -> SmtpSession:
        chosen = prober if mx.keeps_waiting else patient
        async with mx.running() as port:
            return await chosen.probe(
                HOST, "127.0.0.1", timeout=timeout, port=port, is_deep=is_deep
            )

    return look_at
