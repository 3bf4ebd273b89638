"""One look at an MX host, as a sender meets it: SMTP with STARTTLS (RFC 5321, RFC 3207).

Connect to port 25, read the greeting, say EHLO, ask for STARTTLS, shake hands with TLS whatever
the certificate, say EHLO again, QUIT. One connection shows all that there is; no message is
sent, no recipient is tried, and EHLO is all that is said about who asks. A server that is busy,
slow or gone has said nothing about TLS, and the session says how far it came instead.
"""

from mailseal.net.smtp.identity import find_ehlo_name
from mailseal.net.smtp.prober import NetSmtpProber

__all__ = ["NetSmtpProber", "find_ehlo_name"]
