"""Ways out for news of watched domains: mail by submission, and an HTTPS POST.

Both go to servers that the operator has named, so that addresses are not restricted; still each
attempt has one deadline in all, and what comes back is bounded.
"""

from mailseal.net.alerts.submission import MailPlace, SubmissionSender
from mailseal.net.alerts.webhook import WebhookSender

__all__ = ["MailPlace", "SubmissionSender", "WebhookSender"]
