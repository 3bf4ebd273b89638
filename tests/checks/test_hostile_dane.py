"""TLSA records and chains that are made to keep a checker busy."""

from dataclasses import replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailseal.checks.evidence import Evidence, HostEvidence
from mailseal.checks.judge import judge
from mailseal.checks.sessionoutlook import Outcome, judge_dane
from mailseal.dane.effort import MAX_SIGNATURES
from mailseal.dane.match import DaneOutcome
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.certificates import make_chain
from mailseal.testing.evidence import domain_evidence, host, records, session, tls

from .oddcertificates import rsa_public_key

HOSTS, ADDRESSES, RECORDS, CERTIFICATES = 32, 16, 100, 32


@cache
def bare_keys() -> tuple[TlsaRecord, ...]:
    """Return records ``2 1 0`` of the dearest keys, none of which has signed anything."""
    public: list[ec.EllipticCurvePublicKey | rsa.RSAPublicKey] = [
        ec.generate_private_key(ec.SECP521R1()).public_key() for _ in range(RECORDS + HOSTS)
    ]
    public[0] = rsa_public_key(4096)
    return tuple(
        TlsaRecord(
            usage=2,
            selector=1,
            matching_type=0,
            data=one.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )
        for one in public
    )


def hostile_host(number: int) -> HostEvidence:
    """Return a host that shows another chain at each address, and has records of its own."""
    name = f"mx{number}.example.com"
    certificates = [make_chain((f"{one}.example.net",))[0] for one in range(CERTIFICATES)]
    sessions = tuple(
        session(
            name,
            f"192.0.{number}.{turn}",
            handshake=tls(name, chain=(*certificates[turn:], *certificates[:turn])),
        )
        for turn in range(ADDRESSES)
    )
    return host(name, sessions=sessions, tlsa=bare_keys()[number : number + RECORDS])


def hostile_domain() -> Evidence:
    """Return evidence at every bound that gathering has."""
    return secure_domain(*(hostile_host(number) for number in range(HOSTS)))


def secure_domain(*hosts: HostEvidence) -> Evidence:
    """Return evidence of a domain whose MX records are signed."""
    mx = ((10, one.name) for one in hosts)
    return domain_evidence(*hosts, own_records=records(*mx, is_secure=True))


def test_no_domain_can_have_signatures_checked_without_end() -> None:
    """Thirty-two hosts with sixteen chains each against a hundred keys: 1.6 million signatures."""
    judgement = judge(hostile_domain())

    assert judgement.reading.matcher.effort.spent <= MAX_SIGNATURES
    last = judgement.reading.hosts[-1].observed[-1]
    assert last.dane is not None
    assert last.dane.outcome is DaneOutcome.UNKNOWN


def test_what_was_not_checked_is_told_as_unknown() -> None:
    """It is neither good nor refused: nobody has looked."""
    judgement = judge(hostile_domain())

    outlook = judge_dane(judgement.reading.hosts[-1].observed[-1])

    assert outlook.outcome is Outcome.UNKNOWN
    assert "more work than a check does" in outlook.reason


def test_the_same_chain_and_records_are_matched_once() -> None:
    """A provider shows one certificate at all of its addresses."""
    one = hostile_host(1)
    same = tuple(replace(each, tls=one.sessions[0].tls) for each in one.sessions)
    alone = replace(one, sessions=same[:1])
    alike = replace(one, sessions=same)

    spent = {judge(secure_domain(each)).reading.matcher.effort.spent for each in (alone, alike)}

    assert len(spent) == 1
