"""Answers for Exim: Sendmail's words, over socketmap or as one line.

Exim does DANE by itself and ignores its TLS settings where it applies, so it never needs to
be told; what its transport reads is ``OK secure match=...``.
"""

from mailseal import decision
from mailseal.wire import sendmail


def render(policy: decision.DeliveryPolicy) -> bytes:
    """Render a decision as a reply payload."""
    return sendmail.render(policy)
