"""What the resolver makes of an answer: records, absence, aliases, failures (RFC 7672 §2.1)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import dns.flags
import dns.rcode
import pytest

from mailseal.answers import (
    Absent,
    CaaRecord,
    DnsFailure,
    DnskeyRecord,
    DsRecord,
    Found,
    LookupFailed,
    MxRecord,
)
from mailseal.dane.tlsa import TlsaRecord
from mailseal.net.dns import Resolver, ResolverAddress
from tests.net.nameserver import Asked, NameServer, Script, name_server

LONG = timedelta(seconds=20)  # never reached: a failing test ends all the same
SHORT = timedelta(milliseconds=80)
SOA = "example.com 600 SOA ns.example.com. root.example.com. 1 2 3 4 300"
RA_AD = dns.flags.RA | dns.flags.AD


@asynccontextmanager
async def resolver_for(script: Script) -> AsyncIterator[tuple[Resolver, NameServer]]:
    """Give a resolver with one scripted server behind it."""
    async with name_server(script) as server:
        resolver = Resolver([server.address])
        try:
            yield resolver, server
        finally:
            await resolver.close()


def always(*records: str, **options: object) -> Script:
    """Script one answer to everything."""
    return lambda asked: asked.answer(*records, **options)  # type: ignore[arg-type]  # a shorthand


@pytest.mark.parametrize(
    ("rdtype", "record", "expected"),
    [
        ("txt", 'a.example 60 TXT "v=STSv1; i" "d=1;"', (b"v=STSv1; i", b"d=1;")),
        ("a", "a.example 60 A 192.0.2.1", "192.0.2.1"),
        ("aaaa", "a.example 60 AAAA 2001:db8::1", "2001:db8::1"),
        ("cname", "a.example 60 CNAME B.Example.", "b.example"),
        ("mx", "a.example 60 MX 10 MX.Example.", MxRecord(preference=10, host="mx.example")),
        ("mx", "a.example 60 MX 0 .", MxRecord(preference=0, host="")),
        ("tlsa", "a.example 60 TLSA 3 1 1 " + "ab" * 32,
         TlsaRecord(usage=3, selector=1, matching_type=1, data=b"\xab" * 32)),
        ("ns", "a.example 60 NS Ns1.Example.", "ns1.example"),
        ("caa", 'a.example 60 CAA 128 ISSUE "ca.example; x=1"',
         CaaRecord(flags=128, tag="issue", value=b"ca.example; x=1")),
        ("caa", 'a.example 60 CAA 0 issue ""', CaaRecord(flags=0, tag="issue", value=b"")),
        ("ds", "a.example 60 DS 4711 13 2 " + "cd" * 32,
         DsRecord(key_tag=4711, algorithm=13, digest_type=2, digest=b"\xcd" * 32)),
        ("dnskey", "a.example 60 DNSKEY 257 3 13 " + "q83v" * 16,
         DnskeyRecord(flags=257, algorithm=13, key=b"\xab\xcd\xef" * 16)),
    ],
)  # fmt: skip
async def test_records_become_values(rdtype: str, record: str, expected: object) -> None:
    """Every type that is asked for is read, with its TTL and the name it stands at."""
    async with resolver_for(always(record)) as (resolver, server):
        look_up = getattr(resolver, f"look_up_{rdtype}")
        answer = await look_up("A.Example", timeout=LONG)
    assert answer == Found(
        records=(expected,), ttl=timedelta(seconds=60), is_secure=False, canonical="a.example"
    )
    assert server.asked[0].query.flags & dns.flags.AD  # RFC 6840 §5.7
    assert server.asked[0].query.payload == 1232


@pytest.mark.parametrize(
    "data",
    [
        b"\x80",  # no length of the tag
        b"\x80\x00x",  # a tag of no bytes
        b"\x80\x06issue",  # a tag that does not end
        b"\x80\x05is\xffue",  # a tag that is no word
    ],
)
async def test_a_damaged_caa_record_is_no_answer(data: bytes) -> None:
    """Half of a record could allow what the whole one forbids."""
    async with resolver_for(lambda asked: _with_raw_caa(asked, data)) as (resolver, _):
        answer = await resolver.look_up_caa("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.MALFORMED


def _with_raw_caa(asked: Asked, data: bytes) -> bytes:
    """Answer with a CAA record of any bytes, which the library would not write."""
    plain = bytearray(asked.answer())
    plain[6:8] = b"\0\1"
    at = 12 + len("a.example") + 2 + 4
    record = b"\xc0\x0c\1\1\0\1\0\0\0<" + len(data).to_bytes(2, "big") + data
    return bytes(plain[:at]) + record + bytes(plain[at:])


async def test_mx_records_are_sorted() -> None:
    """The best preference comes first, whatever the order in the answer."""
    record = "a.example 60 MX 20 b.\na.example 60 MX 10 d.\na.example 60 MX 10 c."
    async with resolver_for(always(record)) as (resolver, _):
        answer = await resolver.look_up_mx("a.example", timeout=LONG)
    assert isinstance(answer, Found)
    assert [mx.host for mx in answer.records] == ["c", "d", "b"]


async def test_a_name_with_odd_bytes_stays_escaped() -> None:
    """A blank or a dot inside of a label must not look like the name of another host."""
    async with resolver_for(always(r"a.example 60 MX 10 b\032c\.d.example.")) as (resolver, _):
        answer = await resolver.look_up_mx("a.example", timeout=LONG)
    assert isinstance(answer, Found)
    assert answer.records[0].host == r"b\032c\.d.example"


async def test_the_root_can_be_asked_about() -> None:
    """The self-test for DNSSEC asks for a name that everybody signs."""
    script = always(authority=[". 9 SOA a. b. 1 2 3 4 5"], flags=RA_AD)
    async with resolver_for(script) as (resolver, server):
        answer = await resolver.look_up_txt("", timeout=LONG)
    assert isinstance(answer, Absent)
    assert answer.is_secure
    assert server.asked[0].name == "."


@pytest.mark.parametrize(
    ("rcode", "is_name_known"), [(dns.rcode.NOERROR, True), (dns.rcode.NXDOMAIN, False)]
)
@pytest.mark.parametrize(
    ("authority", "seconds"),
    [
        ([SOA], 300),  # the SOA's minimum
        ([SOA.replace("600", "100", 1)], 100),  # the SOA's own TTL, when smaller
        ([], 60),  # RFC 2308 names no time for this
    ],
)
async def test_absence_is_remembered_as_rfc_2308_says(
    rcode: dns.rcode.Rcode, is_name_known: bool, authority: Sequence[str], seconds: int
) -> None:
    """NODATA and NXDOMAIN are proven absence, for the time their zone allows."""
    async with resolver_for(always(rcode=rcode, authority=authority)) as (resolver, _):
        answer = await resolver.look_up_txt("a.example.com", timeout=LONG)
    assert answer == Absent(
        is_name_known=is_name_known, ttl=timedelta(seconds=seconds), is_secure=False
    )


async def test_a_referral_is_no_absence() -> None:
    """A server that does not recurse has proven nothing."""
    script = always(authority=["example 60 NS ns.example."], flags=0)
    async with resolver_for(script) as (resolver, _):
        answer = await resolver.look_up_txt("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.REFUSED


CHAIN = [
    "a.example 600 CNAME b.example.",
    "b.example 30 CNAME c.example.",
    "c.example 60 A 192.0.2.1",
]


async def test_aliases_in_one_answer_are_followed() -> None:
    """The smallest TTL on the way counts."""
    async with resolver_for(always(*CHAIN)) as (resolver, _):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert answer == Found(
        records=("192.0.2.1",), ttl=timedelta(seconds=30), is_secure=False, canonical="c.example"
    )


@pytest.mark.parametrize("insecure_step", [None, "a.example", "b.example", "c.example"])
async def test_a_lone_alias_goes_on_at_its_target(insecure_step: str | None) -> None:
    """An answer is secure only when each step was (RFC 7672 §2.1.3)."""

    def one_step(asked: Asked) -> bytes:
        flags = dns.flags.RA if asked.name == insecure_step else RA_AD
        return asked.answer(*[r for r in CHAIN if r.startswith(asked.name)], flags=flags)

    async with resolver_for(one_step) as (resolver, server):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert [asked.name for asked in server.asked] == ["a.example", "b.example", "c.example"]
    assert isinstance(answer, Found)
    assert answer.is_secure is (insecure_step is None)
    assert answer.ttl == timedelta(seconds=30)


async def test_an_alias_to_nothing_is_absent() -> None:
    """The denial speaks of the last name (RFC 6604 §3)."""
    script = always(CHAIN[0], rcode=dns.rcode.NXDOMAIN, authority=[SOA])
    async with resolver_for(script) as (resolver, _):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert answer == Absent(is_name_known=False, ttl=timedelta(seconds=300), is_secure=False)


async def test_an_error_behind_an_alias_is_a_failure() -> None:
    """What cannot be followed to its end has not been found out."""

    def script(asked: Asked) -> bytes:
        if asked.name == "a.example":
            return asked.answer(CHAIN[0])
        return asked.answer(rcode=dns.rcode.REFUSED)

    async with resolver_for(script) as (resolver, _):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.REFUSED


def endless(asked: Asked) -> bytes:
    """Script an alias to a new name at every name."""
    return asked.answer(f"{asked.name} 60 CNAME x{asked.name}.")


@pytest.mark.parametrize(
    ("script", "queries", "words"),
    [
        (always("a.example 60 CNAME b.example.", "b.example 60 CNAME a.example."), 1, "loop"),
        (always("a.example 60 CNAME a.example."), 1, "loop"),
        (lambda asked: asked.answer(f"{asked.name} 60 CNAME " + {"a.example": "b", "b": "a"}.get(
            asked.name, "a") + (".example." if asked.name != "a.example" else ".")), 2, "loop"),
        (always(*[f"{'a' * n}.example 60 CNAME {'a' * (n + 1)}.example." for n in range(1, 11)]),
         1, "more than 8 CNAMEs"),
        (endless, 9, "more than 8 CNAMEs"),
    ],
    ids=["loop", "self", "loop-over-queries", "chain", "chain-over-queries"],
)  # fmt: skip
async def test_alias_loops_and_long_chains_are_failures(
    script: Script, queries: int, words: str
) -> None:
    """They end after few queries, never in a hang or in "no such record"."""
    async with resolver_for(script) as (resolver, server):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.MALFORMED
    assert words in answer.reason
    assert len(server.asked) == queries


async def test_a_cname_is_asked_for_without_following_it() -> None:
    """Whether the first alias is secure is a question of its own (RFC 7672 §2.1.3)."""
    async with resolver_for(always(*CHAIN, flags=RA_AD)) as (resolver, _):
        answer = await resolver.look_up_cname("a.example", timeout=LONG)
    assert isinstance(answer, Found)
    assert answer.records == ("b.example",)
    assert answer.is_secure


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        (ResolverAddress(host="127.0.0.53"), True),
        (ResolverAddress(host="::1"), True),
        (ResolverAddress(host="192.0.2.53"), False),  # anybody on the way can set a flag
        (ResolverAddress(host="192.0.2.53", trust_ad=True), True),
    ],
)
def test_ad_is_believed_from_loopback_or_by_setting(
    address: ResolverAddress, is_trusted: bool
) -> None:
    """The AD flag is as good as the way it came (RFC 7672 §2.1.1)."""
    assert address.is_trusted is is_trusted


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (6, DnsFailure.BOGUS),  # DNSSEC bogus
        (7, DnsFailure.BOGUS),  # signature expired
        (5, DnsFailure.BOGUS),  # indeterminate is handled like bogus (RFC 7672 §2.1.1)
        (22, DnsFailure.SERVFAIL),  # no reachable authority
        (23, DnsFailure.SERVFAIL),  # network error
    ],
)
async def test_extended_errors_tell_bogus_from_broken(code: int, failure: DnsFailure) -> None:
    """A resolver that explains itself is not asked again (RFC 8914)."""
    async with resolver_for(always(rcode=dns.rcode.SERVFAIL, ede=code)) as (resolver, server):
        answer = await resolver.look_up_mx("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is failure
    assert f"EDE {code}: because" in answer.reason
    assert len(server.asked) == 1


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_bare_servfail_is_looked_into(is_answered: bool) -> None:
    """Data that come only with checking disabled are bogus; none at all are a broken zone."""

    def script(asked: Asked) -> bytes:
        if asked.is_checking_disabled and is_answered:
            return asked.answer("a.example 60 MX 10 b.")
        return asked.answer(rcode=dns.rcode.SERVFAIL)

    async with resolver_for(script) as (resolver, server):
        answer = await resolver.look_up_mx("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is (DnsFailure.BOGUS if is_answered else DnsFailure.SERVFAIL)
    assert [asked.is_checking_disabled for asked in server.asked] == [False, True]


@pytest.mark.parametrize(
    ("rcode", "failure", "words"),
    [
        (dns.rcode.REFUSED, DnsFailure.REFUSED, "REFUSED"),
        (dns.rcode.NOTAUTH, DnsFailure.REFUSED, "NOTAUTH"),
        (dns.rcode.YXDOMAIN, DnsFailure.MALFORMED, "RCODE 6"),  # no answer to a query
    ],
)
async def test_other_rcodes_are_failures(
    rcode: dns.rcode.Rcode, failure: DnsFailure, words: str
) -> None:
    """Nothing but NOERROR and NXDOMAIN says anything about the name."""
    async with resolver_for(always(rcode=rcode)) as (resolver, _):
        answer = await resolver.look_up_txt("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is failure
    assert words in answer.reason


@pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
async def test_a_server_without_edns_is_asked_without(rcode: dns.rcode.Rcode) -> None:
    """An old server's refusal of EDNS is no failure (RFC 6891 §7)."""

    def script(asked: Asked) -> bytes:
        if asked.query.edns >= 0:
            return asked.answer(rcode=rcode)
        return asked.answer("a.example 60 A 192.0.2.1")

    async with resolver_for(script) as (resolver, _):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert isinstance(answer, Found)


@pytest.mark.parametrize(
    "name",
    ["a..example", ".a.example", "a" * 64 + ".example", "a." * 127 + "a", "bücher.example", "\\"],
    ids=["empty-label", "leading-dot", "long-label", "long-name", "u-label", "bad-escape"],
)
async def test_names_that_dns_cannot_hold_are_not_asked_for(name: str) -> None:
    """The failure says so, in printable ASCII, and no query goes out."""
    async with resolver_for(always()) as (resolver, server):
        answer = await resolver.look_up_txt(name, timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.MALFORMED
    assert answer.reason.isascii()
    assert len(answer.reason) <= 200
    assert server.asked == []


async def test_too_many_records_are_not_read() -> None:
    """An answer of thousands of records costs more to read than it can be worth."""
    many = "\n".join(f"a.example 60 A 10.0.{n // 250}.{n % 250}" for n in range(1001))

    def script(asked: Asked) -> bytes:
        if asked.is_tcp:
            return asked.answer(many)
        return asked.answer(flags=dns.flags.RA | dns.flags.TC)

    async with resolver_for(script) as (resolver, _):
        answer = await resolver.look_up_a("a.example", timeout=LONG)
    assert isinstance(answer, LookupFailed)
    assert answer.failure is DnsFailure.MALFORMED
    assert "at most 1000" in answer.reason


async def test_identical_look_ups_share_one_query() -> None:
    """A hundred callers at one time make one query, case aside."""
    async with resolver_for(always("a.example 60 A 192.0.2.1")) as (resolver, server):
        names = ["a.example", "A.Example"] * 50
        answers = await asyncio.gather(*[resolver.look_up_a(name, timeout=LONG) for name in names])
    assert all(isinstance(answer, Found) for answer in answers)
    assert len(server.asked) == 1


async def test_a_shared_look_up_survives_its_first_caller() -> None:
    """One caller's cancellation, or shorter deadline, is not the others' failure."""
    heard = asyncio.Event()

    def script(asked: Asked) -> bytes | None:
        heard.set()
        return asked.answer("a.example 60 A 192.0.2.1") if len(server.asked) > 1 else None

    async with resolver_for(script) as (resolver, server):
        first = asyncio.create_task(resolver.look_up_a("a.example", timeout=LONG))
        await heard.wait()
        second = asyncio.create_task(resolver.look_up_a("a.example", timeout=LONG))
        await asyncio.sleep(0)
        first.cancel()
        answer = await second
    assert isinstance(answer, Found)


async def test_look_ups_beyond_the_limit_wait_for_their_turn() -> None:
    """The bound is on queries under way; the deadline counts the wait."""
    async with name_server(lambda _: None) as server:
        resolver = Resolver([server.address], max_in_flight=1)
        first = asyncio.create_task(resolver.look_up_a("a.example", timeout=LONG))
        await asyncio.sleep(0)
        second = await resolver.look_up_a("b.example", timeout=SHORT)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await resolver.close()
    assert second == LookupFailed(
        failure=DnsFailure.TIMEOUT, reason="too many look-ups are under way"
    )
