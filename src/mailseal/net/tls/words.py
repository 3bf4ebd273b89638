"""What is wrong with a chain, in one word for programs as well as people (RFC 8461 §6)."""

from mailseal.certs import names_its_issuer
from mailseal.quoting import ascii_only

MAX_WORD_CHARS = 100  # ours; OpenSSL's longest is 70


def distrust_word(code: int, message: str, leaf: bytes | None, depth: int = 0) -> str:
    """Return the word for an OpenSSL verification error.

    ``code`` and ``message`` are OpenSSL's, ``leaf`` the server's own certificate as DER where it
    was seen, ``depth`` the place in the chain that the error was met at, 0 for the leaf.
    """
    match code:  # OpenSSL's x509_vfy.h; Python has no names for them
        case 9:
            return "not-yet-valid"
        case 10:
            return "expired"
        case 18:
            return "self-signed"
        case 19:
            return "unknown-ca"
        case 20 | 21:
            # Most often the host was set up without its intermediate certificate. A public CA
            # always writes down where to get that, a private one hardly ever does. Where an
            # intermediate was sent and only its own issuer is unknown, none is missing.
            is_public = depth == 0 and leaf is not None and names_its_issuer(leaf)
            return "incomplete-chain" if is_public else "unknown-ca"
        case 62:
            return "wrong-name"
        case _:
            return slug(message)


def slug(text: str) -> str:
    """Return a library's words as one word: printable ASCII, bounded."""
    return ascii_only(text[:MAX_WORD_CHARS]).lower().replace("_", "-").replace(" ", "-")
