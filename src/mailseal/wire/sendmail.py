"""Answers for Sendmail's FEATURE(sts), which knows ``secure``, ``match=`` and ``servername=``.

Any attribute behind these makes Sendmail defer all mail of the domain, and a ``dane`` word
means "no STS" to it; it does DANE by itself.
"""

from typing import assert_never

from mailseal import decision
from mailseal.wire import postfix, socketmap


def render(policy: decision.DeliveryPolicy) -> bytes:
    """Render a decision as a reply payload; never narrowed, since Sendmail weighs DANE itself."""
    match policy:
        case decision.StsEnforced():
            return _render_secure(policy)
        case decision.DaneRequired(enforced=enforced):
            return _render_secure(enforced) if enforced else socketmap.notfound()
        case decision.DaneOpportunistic() | decision.StsTesting():
            return socketmap.notfound()
        case decision.TlsOptional() | decision.Opportunistic():
            return socketmap.notfound()
        case decision.Unavailable(reason=reason, enforced=enforced):
            return _render_secure(enforced) if enforced else socketmap.temp(reason)
    assert_never(policy)


def _render_secure(enforced: decision.StsEnforced) -> bytes:
    return postfix.render_secure(enforced.domain, [pattern.text for pattern in enforced.policy.mx])
