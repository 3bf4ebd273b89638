"""Answers for Postfix' smtp_tls_policy_maps: a security level and its attributes (postconf(5)).

Two dialects: plain, for every Postfix from 3.4, and with the attributes that Postfix knows
from 3.10 (older ones defer all mail at a word they do not know). From 3.10.5 the MX name is
held against ``mx_host_pattern`` exactly; before, ``match=.example.net`` is wider than the
one label of MTA-STS, for which Postfix has no word.
"""

import enum
import re
from collections.abc import Iterable
from typing import assert_never

from mailseal import decision
from mailseal.mtasts.policy import Policy
from mailseal.names import Domain
from mailseal.wire import patterns, socketmap

# Braces end the attribute; control bytes and what is not ASCII have no place in a policy line.
_STRING = re.compile(r"[ -z|~]+", re.ASCII)


class TestingAnswer(enum.StrEnum):
    """What a policy in mode ``testing`` is answered with (RFC 8461 §5).

    Postfix has no level that only reports; ``notfound`` leaves its own default in force.
    The others let Postfix 3.10 count the domain's sessions under its policy.
    """

    __test__ = False  # not a test class, whatever its name makes pytest believe

    NOTFOUND = "notfound"
    DANE = "dane"
    MAY = "may"


def render(
    policy: decision.DeliveryPolicy,
    *,
    with_tlsrpt: bool,
    testing: TestingAnswer = TestingAnswer.NOTFOUND,
    sni: bool = True,
) -> bytes:
    """Render a decision as a reply payload of at most ``socketmap.MAX_REPLY_BYTES``.

    Without ``sni`` no ``servername=`` is sent, and Postfix' smtp_tls_servername decides.
    """
    match policy:
        case decision.DaneRequired():
            return socketmap.ok(b"dane-only")
        case decision.DaneOpportunistic():
            return socketmap.ok(b"dane")
        case decision.StsEnforced():
            return _render_enforced(policy, with_tlsrpt=with_tlsrpt, sni=sni)
        case decision.StsTesting():
            if testing is TestingAnswer.NOTFOUND or not with_tlsrpt:
                return socketmap.notfound()
            # No mx_host_pattern here: Postfix skips hosts by it at any level.
            return _longest_that_fits(
                [testing.value], _policy_words(policy.domain), [], _policy_strings(policy.policy)
            )
        case decision.TlsOptional():
            return socketmap.ok(b"may")
        case decision.Opportunistic():
            return socketmap.notfound()
        case decision.Unavailable(reason=reason):
            return socketmap.temp(reason)
    assert_never(policy)


def render_secure(domain: Domain, mx: Iterable[str], *, sni: bool = True) -> bytes:
    """Render ``secure`` for these patterns, without anything that came with Postfix 3.10."""
    usable = patterns.usable(mx)
    if not usable:
        return _no_usable_pattern(domain)
    return _longest_that_fits(_secure_words(usable, sni=sni), [], [], [])


def _render_enforced(enforced: decision.StsEnforced, *, with_tlsrpt: bool, sni: bool) -> bytes:
    mx = enforced.only_hosts or [pattern.text for pattern in enforced.policy.mx]
    if not with_tlsrpt:
        return render_secure(enforced.domain, mx, sni=sni)
    usable = patterns.usable(mx)
    if not usable:
        return _no_usable_pattern(enforced.domain)
    return _longest_that_fits(
        _secure_words(usable, sni=sni),
        _policy_words(enforced.domain),
        [f"mx_host_pattern={pattern}" for pattern in usable],
        _policy_strings(enforced.policy),
    )


def _secure_words(usable: tuple[str, ...], *, sni: bool) -> list[str]:
    words = ["secure", "match=" + patterns.match_words(usable)]
    return [*words, "servername=hostname"] if sni else words


def _policy_words(domain: Domain) -> list[str]:
    return ["policy_type=sts", f"policy_domain={domain}"]


def policy_strings(policy: Policy) -> list[str]:
    """Return the policy's lines that may be shown to an MTA, each once, in their order."""
    lines = dict.fromkeys(line.strip(" ") for line in policy.lines)
    return [line for line in lines if _STRING.fullmatch(line)]


def _policy_strings(policy: Policy) -> list[str]:
    return [f"{{ policy_string = {line} }}" for line in policy_strings(policy)]


def _longest_that_fits(
    level: list[str], policy_words: list[str], mx_words: list[str], strings: list[str]
) -> bytes:
    # Reports can do without the policy's text, MX filtering falls back to match=; without
    # part of match= mail to a good host would wait for ever.
    for words in (
        level + policy_words + mx_words + strings,
        level + policy_words + mx_words,
        level + policy_words,
    ):
        data = " ".join(words).encode("ascii")
        if len(data) <= socketmap.MAX_REPLY_BYTES - len(b"OK "):
            return socketmap.ok(data)
    return socketmap.temp("the MTA-STS policy names too many MX hosts for one reply")


def _no_usable_pattern(domain: Domain) -> bytes:
    return socketmap.temp(f"the MTA-STS policy of {domain} names no usable MX host")
