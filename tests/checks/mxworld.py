"""MX hosts in every condition, and domains made of them, for tests of what is made of them."""

from dataclasses import replace
from datetime import timedelta

from mailseal.checks.evidence import (
    Evidence,
    Failure,
    HostEvidence,
    PolicyHostEvidence,
    RecordEvidence,
    SmtpSession,
    Stage,
    TlsaLookup,
    TlsFacts,
    Trouble,
)
from mailseal.checks.reading import Reading, read
from mailseal.dane.presented import Presented
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.certificates import EPOCH, make_chain
from mailseal.testing.evidence import (
    NOW,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    host,
    policy_host,
    records,
    session,
    tls,
    txt,
)

MX1, MX2, MX3 = "mx1.example.com", "mx2.example.com", "mx3.example.com"
V4, V4_TOO, V6 = "192.0.2.1", "192.0.2.2", "2001:db8::1"


def without_tls(name: str, address: str, *, reply: str = "") -> SmtpSession:
    """A session that never came to TLS."""
    one = session(name, address)
    return replace(one, tls=None, extensions_in_tls=(), starttls_reply=reply)


def without_starttls(name: str = MX1, address: str = V4) -> SmtpSession:
    """An EHLO answered without STARTTLS."""
    return replace(
        without_tls(name, address),
        stage=Stage.EHLO,
        extensions=("PIPELINING", "SIZE 10240000"),
        offers_starttls=False,
    )


def refusing_starttls(
    name: str = MX1, address: str = V4, *, reply: str = "554 5.7.0 no", code: int = 554
) -> SmtpSession:
    """STARTTLS is offered, and then not done."""
    trouble = Trouble.BUSY if code < 500 else Trouble.REJECTED
    return replace(
        without_tls(name, address, reply=reply),
        stage=Stage.EHLO,
        failure=Failure(trouble=trouble, reason=f"STARTTLS: {reply}", code=code),
    )


def failing_handshake(name: str = MX1, address: str = V4) -> SmtpSession:
    """220 to STARTTLS, and an alert."""
    return replace(
        without_tls(name, address, reply="220 ready"),
        stage=Stage.STARTTLS,
        failure=Failure(trouble=Trouble.TLS, reason="handshake failure"),
    )


def broken_in_tls(
    trouble: Trouble, name: str = MX1, address: str = V4, *, handshake: TlsFacts | None = None
) -> SmtpSession:
    """TLS, and then no answer to the EHLO within it."""
    failure = Failure(trouble=trouble, reason=f"it failed: {trouble}")
    one = session(name, address, handshake=handshake)
    return replace(one, stage=Stage.TLS, failure=failure, extensions_in_tls=())


def unseen(
    trouble: Trouble = Trouble.TIMEOUT,
    name: str = MX1,
    address: str = V4,
    *,
    stage: Stage = Stage.NOTHING,
    code: int | None = None,
    reason: str = "",
) -> SmtpSession:
    """A session that came to nothing before STARTTLS."""
    return SmtpSession(
        host=name,
        address=address,
        started_at=NOW,
        duration=timedelta(seconds=10),
        stage=stage,
        failure=Failure(trouble=trouble, reason=reason or f"{trouble}", code=code),
    )


def expired(name: str = MX1, address: str = V4) -> SmtpSession:
    """A certificate that ended before now."""
    chain = make_chain((name,), not_after=EPOCH + timedelta(days=90))
    return session(name, address, handshake=tls(chain=chain, distrust="expired"))


def wrong_name(name: str = MX1, address: str = V4) -> SmtpSession:
    """A certificate for another host."""
    return session(name, address, handshake=tls("other.example.org"))


def self_signed(name: str = MX1, address: str = V4) -> SmtpSession:
    """A certificate by nobody else; its key is like no other one."""
    chain = make_chain((name,), is_self_signed=True, key="self")
    return session(name, address, handshake=tls(chain=chain, distrust="self-signed"))


def at(name: str, *sessions: SmtpSession, tlsa: tuple[TlsaRecord, ...] = ()) -> HostEvidence:
    """A host with these sessions, one for each of its addresses."""
    own = host(name, sessions=sessions, tlsa=tlsa)
    v4 = tuple(one.address for one in sessions if ":" not in one.address) or (V4,) * (not sessions)
    v6 = tuple(one.address for one in sessions if ":" in one.address)
    return replace(
        own,
        a=found(*v4, name=name, is_secure=bool(tlsa)) if v4 else own.aaaa,
        aaaa=found(*v6, name=name, is_secure=bool(tlsa)) if v6 else own.aaaa,
    )


def record_for(
    which: SmtpSession, form: tuple[int, int, int] = (3, 1, 1), *, depth: int = 0
) -> TlsaRecord:
    """The TLSA record that names a certificate of a session."""
    assert which.tls
    usage, selector, matching_type = form
    data = Presented.read(which.tls.chain[depth]).digest(selector, matching_type)
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching_type, data=data)


def digest(number: int, form: tuple[int, int, int] = (3, 1, 1)) -> TlsaRecord:
    """A usable TLSA record that names nothing."""
    usage, selector, matching_type = form
    data = bytes([number]) * (64 if matching_type == 2 else 32)
    return TlsaRecord(usage=usage, selector=selector, matching_type=matching_type, data=data)


def policy_of(mode: str, *names: str) -> PolicyHostEvidence:
    """A policy host with a policy that names some hosts."""
    lines = "".join(f"mx: {name}\r\n" for name in names)
    text = f"version: STSv1\r\nmode: {mode}\r\n{lines}max_age: 604800\r\n"
    return policy_host(fetch(text.encode()))


def domain(
    *hosts: HostEvidence,
    mode: str | None = "enforce",
    covered: tuple[str, ...] | None = None,
    is_secure: bool | None = None,
    preferences: tuple[int, ...] = (10, 20, 30),
    **changes: object,
) -> Evidence:
    """A domain of hosts in this order; ``mode`` None publishes no MTA-STS at all.

    Its MX records are secure where a host has TLSA records, unless told.
    """
    names = tuple(one.name for one in hosts)
    if is_secure is None:
        is_secure = any(one.tlsa for one in hosts)
    own: RecordEvidence = records(*zip(preferences, names, strict=False), is_secure=is_secure)
    served = policy_of(mode, *(names if covered is None else covered)) if mode else None
    if mode is None:
        own = replace(own, sts=txt())
        served = PolicyHostEvidence(name="mta-sts.example.com", a=absent(), aaaa=absent())
    evidence = domain_evidence(*hosts, policy=served, own_records=own)
    return replace(evidence, **changes)  # type: ignore[arg-type] # a test names its fields


def reading(*hosts: HostEvidence, **how: object) -> Reading:
    """The same, read."""
    return read(domain(*hosts, **how))  # type: ignore[arg-type] # as for ``domain``


def with_lookup(one: HostEvidence, **changes: object) -> HostEvidence:
    """A host with secure addresses whose only TLSA look-up is another one."""
    name = f"_25._tcp.{one.name}"
    lookup = TlsaLookup(base=one.name, name=name, answer=failed())
    return replace(
        one,
        a=found(V4, name=one.name, is_secure=True),
        tlsa=(replace(lookup, **changes),),  # type: ignore[arg-type] # as for ``domain``
    )
