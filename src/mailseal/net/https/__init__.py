"""The HTTPS fetch of an MTA-STS policy, strictly as RFC 8461 §3.3 has it.

The policy of example.com is at https://mta-sts.example.com/.well-known/mta-sts.txt and nowhere
else. The host must show a certificate for that very name which the system trusts; it must
answer 200 with text/plain, and with no more than 64 KiB. No redirect is followed, nothing is
cached, and private addresses are not contacted. Everything else is a failure with its reason,
told in TLSRPT's words: the fetch, the certificate, or what was served.
"""

from mailseal.net.https.fetcher import HttpsPolicyFetcher
from mailseal.net.https.proxy import ProxySyntaxError
from mailseal.net.https.trust import TrustStoreError

__all__ = ["HttpsPolicyFetcher", "ProxySyntaxError", "TrustStoreError"]
