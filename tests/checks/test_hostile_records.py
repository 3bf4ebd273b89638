"""Whatever strangers publish in DNS: a judgement comes of it, and its texts are harmless."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

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
from mailseal.checks.evidence import DkimLookup, RecipientEvidence, RecordEvidence
from mailseal.checks.judge import judge
from mailseal.testing.evidence import TTL, domain_evidence, host

MAX_TEXT_CHARS = 1_000  # ours: what a stranger's 64 KiB must never become

# Names and reasons come from the reader of DNS answers, which lets only printable ASCII pass.
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
NAMES = PRINTABLE | st.sampled_from(
    ("mx1.example.com", "example.com", "", ".", "192.0.2.1", "a_b.c", "localhost")
)
STARTS = st.sampled_from(
    (b"v=STSv1; id=", b"v=TLSRPTv1; rua=", b"v=spf1 ", b"v=DMARC1; p=", b"v=DKIM1; p=", b"")
)
TEXTS = st.tuples(STARTS, st.binary(max_size=30)).map(b"".join)
NUMBERS = st.integers(0, 255)


def answers(records: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Any answer with such records."""
    return st.one_of(
        st.builds(
            Found,
            records=st.lists(records, min_size=1, max_size=4).map(tuple),
            ttl=st.just(TTL),
            is_secure=st.booleans(),
            canonical=NAMES,
        ),
        st.builds(Absent, is_name_known=st.booleans(), ttl=st.just(TTL), is_secure=st.booleans()),
        st.builds(LookupFailed, failure=st.sampled_from(DnsFailure), reason=PRINTABLE),
    )


TXT = answers(TEXTS.map(lambda text: (text,)))
MX = answers(st.builds(MxRecord, preference=NUMBERS, host=NAMES))
CAA = answers(
    st.builds(
        CaaRecord,
        flags=NUMBERS,
        tag=st.sampled_from(("issue", "issuewild", "iodef", "x")) | PRINTABLE,
        value=st.binary(max_size=40),
    )
)
DS = answers(
    st.builds(
        DsRecord,
        key_tag=st.integers(0, 65_535),
        algorithm=NUMBERS,
        digest_type=NUMBERS,
        digest=st.binary(max_size=8),
    )
)
DNSKEY = answers(
    st.builds(
        DnskeyRecord,
        flags=st.integers(0, 65_535),
        algorithm=NUMBERS,
        key=st.binary(max_size=8),
    )
)
RECORDS = st.builds(
    RecordEvidence,
    mx=MX,
    sts=TXT,
    sts_alias=answers(NAMES),
    tlsrpt=TXT,
    tlsrpt_alias=answers(NAMES),
    legacy=TXT,
    txt=TXT,
    dmarc=TXT,
    parent_dmarc=TXT,
    dkim=TXT.map(lambda answer: (DkimLookup(selector="s1", answer=answer),)),  # type: ignore[arg-type] # answers of any type
    caa=CAA,
    ds=DS,
    dnskey=DNSKEY,
    unlikely_txt=TXT,
    unlikely_a=answers(NAMES),
    recipients=MX.map(lambda answer: (RecipientEvidence(domain="example.com", mx=answer),)),  # type: ignore[arg-type] # answers of any type
)


@settings(max_examples=60)
@given(RECORDS, answers(NAMES), answers(NAMES), CAA)
def test_any_records_are_judged_in_texts_that_harm_nobody(
    own: RecordEvidence, a: object, aaaa: object, caa: object
) -> None:
    """Nothing is raised; every text is printable and bounded."""
    odd = replace(host(), a=a, aaaa=aaaa, alias=a, caa=caa, sessions=())  # type: ignore[arg-type] # answers of any type
    evidence = replace(domain_evidence(), records=own, mx_hosts=(odd,))
    for finding in judge(evidence).findings:
        for text in (finding.seen, finding.follows, finding.remedy, finding.subject):
            assert text.isprintable()
            assert len(text) <= MAX_TEXT_CHARS


def test_a_txt_bomb_is_judged_within_bounds() -> None:
    """As much text as DNS can carry, of every kind at once, makes findings of ordinary length."""
    bombs = tuple(
        (start + filling * (60_000 // len(filling)),)
        for start in (b"v=STSv1; id=", b"v=TLSRPTv1; rua=", b"v=spf1 ", b"v=DMARC1; p=none; rua=")
        for filling in (
            b"a",
            b";",
            b",",
            b"mailto:a@b.c,",
            b"include:a.b ",
            b"x=1;",
            b"%{",
            b"\xff",
        )
    )
    bombs += ((b"v=TLSRPTv1; rua=" + b",".join([b"https://a.b/" + b"x" * 1_900] * 30),),)
    many = Found(records=bombs, ttl=TTL, is_secure=False, canonical="example.com")
    for bomb in bombs:
        one = Found(records=(bomb,), ttl=TTL, is_secure=False, canonical="example.com")
        for answer in (one, many) if bomb is bombs[0] else (one,):
            own = replace(
                domain_evidence().records,
                sts=answer,
                tlsrpt=answer,
                txt=answer,
                dmarc=answer,
                dkim=(DkimLookup(selector="s1", answer=answer),),
            )
            for finding in judge(domain_evidence(own_records=own)).findings:
                texts = (finding.seen, finding.remedy, *(ready.text for ready in finding.ready))
                assert all(len(text) <= MAX_TEXT_CHARS for text in texts), finding.code
