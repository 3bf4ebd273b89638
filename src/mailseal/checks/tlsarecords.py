"""Ready-made TLSA records for the keys that a host shows (RFC 7672 §3.1: ``3 1 1`` is the choice
that asks for the least care)."""

from mailseal.checks.evidence import SMTP_PORT
from mailseal.checks.finding import Kind, Ready
from mailseal.checks.hostreading import HostReading
from mailseal.dane.match import DANE_EE
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord

_SPKI, _SHA256 = 1, 1


def propose_record(host: HostReading) -> tuple[Ready, ...]:
    """Return a ``3 1 1`` record for each key that the host shows; none where it shows no key."""
    keys = dict.fromkeys(
        Presented.read(one.tls.chain[0]).digest(_SPKI, _SHA256)
        for one in host.sessions
        if one.tls and one.tls.chain
    )
    return tuple(_render(host, data) for data in keys if data)


def propose_for_chain(host: HostReading, chain: tuple[bytes, ...]) -> tuple[Ready, ...]:
    """Return the ``3 1 1`` record for the key of one chain."""
    data = Presented.read(chain[0]).digest(_SPKI, _SHA256) if chain else b""
    return (_render(host, data),) if data else ()


def _render(host: HostReading, data: bytes) -> Ready:
    record = TlsaRecord(usage=DANE_EE, selector=_SPKI, matching_type=_SHA256, data=data)
    name = f"_{SMTP_PORT}._tcp.{host.dane.base or host.name}"
    return Ready(kind=Kind.RECORD, place=name, text=f"TLSA {record}")
