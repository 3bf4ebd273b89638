"""What goes wrong in the TXT record of MTA-STS, and in no other one (RFC 8461 §3.1)."""

import re

from mailseal.quoting import quote
from mailseal.txtrecords.form import Mistake

POLICY_IN_DNS = Mistake(
    looks_like=re.compile(rb"version[ \t]*:[ \t]*STSv1", re.IGNORECASE),
    message="this is the policy, which belongs on the web server at mta-sts.DOMAIN. "
    'In DNS, publish "v=STSv1; id=..." with a letter-and-digit id',
)


def explain_id(value: bytes) -> str:
    """Say what is wrong with an ``id`` that is not 1 to 32 letters and digits."""
    seen = f"id is {quote(value)}, expected 1 to 32 letters and digits. "
    if not value:
        return seen + 'Write for example "id=20260101T000000"'
    kept = bytes(byte for byte in value if chr(byte).isascii() and chr(byte).isalnum())
    if 0 < len(kept) <= 32 and kept != value:
        return seen + f"Write for example {quote(b'id=' + kept)}"
    return seen + f"It has {len(value)} characters. A date is enough, such as 20260101T000000"
