"""MX sets, what DANE says of them, and policies, in the short form that tests of decisions use."""

from datetime import timedelta

from mailseal.dane.exchange import DaneSummary, Exchange, ExchangeUnknown, MxHost, MxSet
from mailseal.dane.host import HostState, TlsaState
from mailseal.mtasts.pattern import MxPattern
from mailseal.mtasts.policy import Mode, Policy
from mailseal.names import Domain

DOMAIN = Domain("example.com")
STATES = {
    "U": TlsaState.USABLE,
    "X": TlsaState.UNUSABLE,
    "N": TlsaState.NONE,
    "F": TlsaState.FAILED,
}
LAST = {"U": DaneSummary.ALL_USABLE, "mixed": DaneSummary.MIXED, "N": DaneSummary.NONE}
TTL = timedelta(minutes=5)


def policy(*patterns: str, mode: Mode = Mode.ENFORCE) -> Policy:
    """Return a policy with these patterns, by default one that covers every host of these sets."""
    mx = tuple(MxPattern.parse(text) for text in patterns or ("*.example.com",))
    return Policy(mode=mode, max_age=timedelta(days=7), mx=mx)


def exchange(hosts: str, *, is_secure: bool = True) -> Exchange:
    """Build an exchange of ``"U10 N20"``: host 1 usable at preference 10, host 2 without DANE."""
    states = []
    for number, word in enumerate(hosts.split(), 1):
        host = MxHost(name=Domain(f"mx{number}.example.com"), preference=int(word[1:]))
        states.append((host, HostState(state=STATES[word[0]], ttl=TTL)))
    mx = MxSet(hosts=tuple(host for host, _ in states), is_secure=is_secure, ttl=TTL)
    return Exchange(mx=mx, states=tuple(states))


def null_mx() -> Exchange:
    """Build what RFC 7505 calls "no service"."""
    mx = MxSet(hosts=(), is_secure=True, ttl=TTL, is_null=True)
    return Exchange(mx=mx, states=())


def without_mx(last: str = "", failing_for: timedelta = timedelta(0)) -> ExchangeUnknown:
    """Build what a failed MX look-up leaves, with the last verdict by its key in ``LAST``."""
    return ExchangeUnknown(
        reason="example.com: MX look-up: servfail",
        last=LAST[last] if last else None,
        failing_for=failing_for,
    )
