"""A few more connections to one address, one after another, for what one cannot show.

Old versions of TLS, the chain for who names no host, the chain of the other kind of key, and
whether a command is run that somebody on the way could have put behind STARTTLS (CVE-2011-0411).
Each is one more session; the first that is turned away, slowed down or cut off is the last.
"""

import ssl
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace

from mailseal.certs import quietly, reading_errors
from mailseal.checks.evidence import DeepSmtp, Failure, SmtpSession, Stage, Trouble
from mailseal.net.smtp.dialogue import Dialogue, Notes
from mailseal.net.tls.context import build_observing_context
from mailseal.net.tls.facts import read_chain

Talk = Callable[[Dialogue], Awaitable[None]]
Hold = Callable[[Talk], Awaitable[Notes]]

_OBSOLETE = ("TLSv1", "TLSv1.1")  # RFC 8996
# What OpenSSL says before it has sent a byte, when it was built or set up without a version.
_NOT_OURS = frozenset({"no-protocols-available", "no-ciphers-available"})
# The alerts that say "no cipher of yours", which is to say: no such key (RFC 5246 §7.2.2).
_NO_SUCH_KEY = frozenset({"sslv3-alert-handshake-failure", "tlsv1-alert-insufficient-security"})


class _Stopped(Exception):  # noqa: N818 -- it is a message within this module
    """The server does not want to be asked any more."""

    def __init__(self, failure: Failure | None) -> None:
        super().__init__()
        self.failure = failure


class DeepLook:
    """Completes sessions by what more connections show; holds the contexts for them."""

    def __init__(self) -> None:
        self._any = build_observing_context()
        self._obsolete = _limited(ssl.TLSVersion.TLSv1_1)
        self._oldest = _limited(ssl.TLSVersion.TLSv1)
        self._rsa = _limited(ssl.TLSVersion.TLSv1_2, "aRSA:@SECLEVEL=0")
        self._ecdsa = _limited(ssl.TLSVersion.TLSv1_2, "aECDSA:@SECLEVEL=0")

    async def complete(self, session: SmtpSession, hold: Hold) -> SmtpSession:
        """Return the session with ``deep``; ``hold`` opens one connection and leads a talk."""
        assert session.tls is not None
        deep = DeepSmtp()
        host, tls = session.host, session.tls
        try:
            versions = await self._find_old_versions(hold, host, tls.version)
            deep = replace(deep, old_versions=versions)
            chain = await self._find_chain(hold, self._any, None)
            deep = replace(deep, chain_without_sni=chain)
            other = self._other_context(tls.chain)
            if other is not None:
                chain = await self._find_chain(hold, other, host, is_limited=True)
                deep = replace(deep, other_chain=chain)
            deep = replace(deep, runs_injected=await self._find_injection(hold, host))
        except _Stopped as stopped:
            deep = replace(deep, stopped_by=stopped.failure)
        return replace(session, deep=deep)

    async def _find_old_versions(self, hold: Hold, host: str, best: str) -> tuple[str, ...] | None:
        """Offer TLS 1.1 at best, and where that is taken, TLS 1.0 alone."""
        seen = [best] if best in _OBSOLETE else []
        for context in (self._obsolete, self._oldest):
            if "TLSv1" in seen or (context is self._obsolete and seen):
                continue
            notes = await _shake_hands(hold, context, host)
            if _is_ours(notes):
                return tuple(seen) or None
            if notes.tls is None:
                break
            seen.append(notes.tls.version() or "")
        return tuple(sorted(seen))

    async def _find_chain(
        self, hold: Hold, context: ssl.SSLContext, host: str | None, *, is_limited: bool = False
    ) -> tuple[bytes, ...] | None:
        notes = await _shake_hands(hold, context, host)
        if notes.tls is not None:
            return read_chain(notes.tls)
        assert notes.failure is not None
        # Who speaks nothing but TLS 1.3, or just hangs up, does not tell about keys in TLS 1.2.
        is_unknown = is_limited and notes.failure.reason not in _NO_SUCH_KEY
        is_unknown = is_unknown or _is_ours(notes)
        return None if is_unknown else ()

    def _other_context(self, chain: tuple[bytes, ...]) -> ssl.SSLContext | None:
        match _key_kind(chain):
            case "rsa":
                return self._ecdsa
            case "ecdsa":
                return self._rsa
            case _:
                return None

    async def _find_injection(self, hold: Hold, host: str) -> bool | None:
        found: list[bool | None] = []

        async def talk(dialogue: Dialogue) -> None:
            await dialogue.greet()
            await dialogue.shake_hands(self._any, host, smuggled=b"NOOP\r\n")
            found.append(await dialogue.finds_smuggled_command())

        notes = await hold(talk)
        if found:
            return found[0]
        _stop_unless_about_tls(notes)
        failure = notes.failure
        # A server that refuses the pair, or takes the NOOP for TLS, does not run it.
        refused = (Trouble.REJECTED, Trouble.TLS, Trouble.CLOSED)
        return False if failure is not None and failure.trouble in refused else None


async def _shake_hands(hold: Hold, context: ssl.SSLContext, host: str | None) -> Notes:
    """Go as far as the handshake; raise ``_Stopped`` when anything but TLS was in the way."""

    async def talk(dialogue: Dialogue) -> None:
        await dialogue.greet()
        await dialogue.shake_hands(context, host)

    notes = await hold(talk)
    if notes.tls is None or notes.failure is not None:
        _stop_unless_about_tls(notes)
    return notes


def _stop_unless_about_tls(notes: Notes) -> None:
    """Raise ``_Stopped`` unless it was this handshake that the server did not want.

    Many hang up in place of an alert; that they took a better offer before says why.
    """
    failure = notes.failure
    about_tls = (Trouble.TLS, Trouble.REJECTED, Trouble.PROTOCOL)
    is_hung_up = notes.stage is Stage.STARTTLS
    if failure is None or notes.offers_starttls is None:
        raise _Stopped(failure)
    if failure.trouble not in about_tls and not (failure.trouble is Trouble.CLOSED and is_hung_up):
        raise _Stopped(failure)


def _is_ours(notes: Notes) -> bool:
    """Tell whether it was our OpenSSL that could not."""
    return notes.failure is not None and notes.failure.reason in _NOT_OURS


def _limited(best: ssl.TLSVersion, ciphers: str = "") -> ssl.SSLContext:
    context = build_observing_context()
    if ciphers:
        context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # obsolete is what is looked for
        context.maximum_version = best
    return context


@quietly()
def _key_kind(chain: tuple[bytes, ...]) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = x509.load_der_x509_certificate(chain[0]).public_key()
    except reading_errors(IndexError):
        return ""
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    return "ecdsa" if isinstance(key, ec.EllipticCurvePublicKey) else ""
