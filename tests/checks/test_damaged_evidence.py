"""Saved evidence that somebody has changed: it is read and judged, or refused with a reason."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailseal.answers import CaaRecord, DnskeyRecord, DsRecord, MxRecord
from mailseal.checks.evidence import (
    AuthorityAnswer,
    DeepSmtp,
    DkimLookup,
    Evidence,
    RecipientEvidence,
    SignatureFacts,
)
from mailseal.checks.judge import judge
from mailseal.checks.saved import SavedEvidenceError, read_evidence, write_evidence
from mailseal.dane.tlsa import TlsaRecord
from mailseal.testing.evidence import (
    NOW,
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    host,
    policy_host,
    session,
    txt,
)

RECORD = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))


def whole() -> Evidence:
    """Evidence with something in every place."""
    one = session()
    chain = one.tls.chain if one.tls else ()
    deep = DeepSmtp(
        old_versions=("TLSv1.1",),
        chain_without_sni=chain,
        other_chain=chain,
        runs_injected=False,
    )
    hosts = (
        replace(
            host(tlsa=(RECORD,), sessions=(replace(one, deep=deep),)),
            alias=absent(),
            caa=absent(),
        ),
    )
    fetches = (fetch(), fetch(address="2001:db8::1"))
    policy = replace(
        policy_host(*fetches),
        alias=found("sts.example.net"),
        as_browser=fetches[:1],
        elsewhere=(("/mta-sts.txt", fetches[0]),),
    )
    good = domain_evidence(*hosts, policy=policy)
    own = replace(
        good.records,
        sts_alias=found("sts.example.net"),
        tlsrpt_alias=absent(),
        legacy=failed(),
        txt=txt("v=spf1 -all"),
        dmarc=txt("v=DMARC1; p=none"),
        parent_dmarc=absent(),
        dkim=(DkimLookup(selector="a", answer=txt("v=DKIM1; p=MIIB")),),
        caa=found(CaaRecord(flags=0, tag="issue", value=b"ca.example")),
        ds=found(DsRecord(key_tag=1, algorithm=8, digest_type=2, digest=bytes(32))),
        dnskey=found(DnskeyRecord(flags=257, algorithm=8, key=b"key")),
        unlikely_txt=absent(),
        unlikely_a=found("192.0.2.3"),
        recipients=(
            RecipientEvidence(
                domain="example.net", mx=found(MxRecord(preference=1, host="mx.example.net"))
            ),
        ),
        authorities=tuple(
            AuthorityAnswer(
                server=f"ns{n}.example.com",
                address=f"192.0.2.{n}",
                name="example.com",
                rdtype="SOA",
                texts=(f"{n}",),
            )
            for n in (1, 2)
        ),
        signatures=SignatureFacts(first_expiry=NOW + timedelta(days=3), nsec3_iterations=1),
    )
    return replace(good, records=own, is_deep=True)


def spread(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the values of a document stand."""
    places = [path] if path else []
    if isinstance(document, dict):
        children = list(document.items())
    else:
        children = list(enumerate(document)) if isinstance(document, list) else []
    return places + [each for key, value in children for each in spread(value, (*path, key))]


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a document with another value in one place."""
    key, *others = path
    changed = document.copy()
    changed[key] = put(document[key], tuple(others), value) if others else value
    return changed


SAVED = write_evidence(whole())
DOCUMENT = msgspec.json.decode(SAVED)
PLACES = spread(DOCUMENT)
TIMES = (
    "2026-06-30T00:00:00",
    "2026-06-30T00:00:00Z",
    "2026-06-30T00:00:00+02:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
)
DURATIONS = ("PT1S", "-PT1S", "P1000000D", "P99999999999D")
TEXTS = ("", "nonsense", "192.0.2.1", "::1", "fe80::1%eth0", "*.", "a..b", "\x1b[31m", "é", "AAAA")
NUMBERS = (0, 1, -1, 256, 65_536, 2**31, 2**32, 2**63, 2**64, 1.5, True, False)
VALUES: tuple[object, ...] = (None, [], {}, [[]], ["x"], *TIMES, *DURATIONS, *TEXTS, *NUMBERS)


@pytest.mark.parametrize(
    ("path", "value", "place", "why"),
    [
        (("finished_at",), "2026-06-30T00:00:00", "finished_at", "UTC"),
        (("finished_at",), "2026-06-30T00:00:00+02:00", "finished_at", "UTC"),
        (("started_at",), "0001-01-01T00:00:00Z", "started_at", "1970"),
        (("started_at",), "9999-12-31T23:59:59Z", "started_at", "2200"),
        (("domain",), "../etc/passwd", "domain", "domain"),
        (("policy_host", "fetches", 0, "address"), "nonsense", r"fetches\[0\]\.address", "address"),
        (("policy_host", "a", "records", 0), "nonsense", r"a\.records\[0\]", "address"),
        (("mx_hosts", 0, "sessions", 0, "address"), "", r"sessions\[0\]\.address", "address"),
        (("mx_hosts", 0, "sessions", 0, "duration"), "-PT1S", "duration", "0"),
        (("mx_hosts", 0, "sessions", 0, "duration"), "P90000000D", "duration", "0"),
        (("mx_hosts", 0, "sessions", 0, "port"), 65_536, "port", "65535"),
        (("records", "dnskey", "records", 0, "algorithm"), -1, "algorithm", "255"),
        (("records", "mx", "records"), [], "records", "none"),
        (("format",), 0, "format", "1"),
    ],
)
def test_what_nobody_can_have_observed_is_refused_by_its_place(
    path: tuple[Any, ...], value: Any, place: str, why: str
) -> None:
    """The message names the value's place in the file, and what is expected there."""
    text = msgspec.json.encode(put(DOCUMENT, path, value))
    with pytest.raises(SavedEvidenceError, match=rf"{place}.*{why}"):
        read_evidence(text)


def test_evidence_with_something_in_every_place_reads_back() -> None:
    """Nothing that is observed is taken for damage."""
    assert read_evidence(SAVED) == whole()


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(PLACES),
            st.sampled_from(VALUES)
            | st.text(max_size=20)
            | st.integers()
            | st.datetimes().map(str),
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=400)
def test_any_change_is_judged_or_refused(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """Whoever feeds a damaged file learns that it is damaged, and nothing else fails."""
    document = DOCUMENT
    for path, value in changes:
        try:
            document = put(document, path, value)
        except (AttributeError, IndexError, KeyError, TypeError):
            continue  # the place went with another change
    try:
        evidence = read_evidence(msgspec.json.encode(document))
    except SavedEvidenceError:
        return
    judge(evidence)


@given(text=st.binary(max_size=200), at=st.integers(0, len(SAVED)))
@settings(max_examples=200)
def test_any_bytes_in_a_file_are_judged_or_refused(text: bytes, at: int) -> None:
    """A file that was cut, or written over, is no other accident."""
    try:
        evidence = read_evidence(SAVED[:at] + text + SAVED[at + len(text) :])
    except SavedEvidenceError:
        return
    judge(evidence)
