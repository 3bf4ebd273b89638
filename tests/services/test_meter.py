"""The doors' counters: everything passes through unchanged, and is counted once."""

from datetime import timedelta

import pytest

from mailseal.answers import Found, LookupFailed, RdType
from mailseal.names import Domain
from mailseal.ports.policyhost import PolicyFetched, PolicyFetchFailed
from mailseal.ports.storeerrors import StoreError
from mailseal.services.meter import (
    CountedDns,
    CountedFetcher,
    Meter,
    counted_store,
    reason_class,
)
from mailseal.testing import FakeDns, FakePolicyHosts, ManualClock, MemoryStore

SECOND = timedelta(seconds=1)
EXAMPLE = Domain("example.com")


async def test_look_ups_are_counted_by_type_and_outcome() -> None:
    """What was found, what is not there and what failed are three things."""
    dns, meter = FakeDns(), Meter()
    dns.a("mx.example.com", "192.0.2.1")
    dns.fail("broken.example", rdtype=RdType.MX)
    counted = CountedDns(dns, meter, ManualClock())

    found = await counted.look_up_a("mx.example.com", timeout=SECOND)
    await counted.look_up_aaaa("mx.example.com", timeout=SECOND)
    failed = await counted.look_up_mx("broken.example", timeout=SECOND)
    await counted.look_up_txt("none.example", timeout=SECOND)
    await counted.look_up_cname("none.example", timeout=SECOND)
    await counted.look_up_tlsa("_25._tcp.none.example", timeout=SECOND)

    assert isinstance(found, Found)
    assert found.records == ("192.0.2.1",)
    assert isinstance(failed, LookupFailed)
    assert dict(meter.dns) == {
        ("A", "found"): 1,
        ("AAAA", "absent"): 1,
        ("CNAME", "absent"): 1,
        ("MX", "servfail"): 1,
        ("TLSA", "absent"): 1,
        ("TXT", "absent"): 1,
    }
    assert sum(meter.dns_times.buckets) == 6


async def test_fetches_are_counted_by_result_and_class_of_reason() -> None:
    """A body that is served well and is no policy is counted as that."""
    hosts, meter = FakePolicyHosts(), Meter()
    hosts.serve("good.example", "version: STSv1\nmode: none\nmax_age: 86400\n")
    hosts.serve("odd.example", "<html>")
    counted = CountedFetcher(hosts, meter, ManualClock())

    good = await counted.fetch(Domain("good.example"), timeout=SECOND)
    await counted.fetch(Domain("odd.example"), timeout=SECOND)
    bad = await counted.fetch(Domain("none.example"), timeout=SECOND)

    assert isinstance(good, PolicyFetched)
    assert isinstance(bad, PolicyFetchFailed)
    assert meter.fetches["ok", "ok"] == 1
    assert meter.fetches["sts-policy-invalid", "syntax"] == 1
    assert meter.fetches.total == 3


@pytest.mark.parametrize(("reason", "word"), [
    ("dns-timeout: no answer in 5 s", "dns"),
    ("connection-refused", "connect"),
    ("connection-closed-early", "closed"),
    ("connect-timeout", "timeout"),
    ("timeout-http", "timeout"),
    ("tls-wrong-version-number", "tls"),
    ("http-redirect-301: https://example.net", "redirect"),
    ("http-404", "http-4xx"),
    ("http-503", "http-5xx"),
    ("http-malformed", "http"),
    ("expired-2026-07-01", "expired"),
    ("wrong-name", "wrong-name"),
    ("body-too-large", "too-large"),
    ("whatever a stranger wrote", "other"),
    ("", "other"),
])  # fmt: skip
def test_a_reason_is_counted_under_a_word_of_ours(reason: str, word: str) -> None:
    """A label never holds what a stranger chose, or each of them could make a series of its own."""
    assert reason_class(reason) == word


async def test_the_store_is_counted_and_its_errors_pass_through() -> None:
    """A failure makes the store count as failing until something succeeds again."""
    store, meter = MemoryStore(), Meter()
    counted = counted_store(store, meter)

    assert await counted.count() == 0
    store.error = StoreError("the disk is full")
    with pytest.raises(StoreError, match="disk"):
        await counted.load(EXAMPLE)
    assert meter.is_store_failing

    store.error = None
    assert await counted.load(EXAMPLE) is None
    assert not meter.is_store_failing
    assert dict(meter.store) == {("count", "ok"): 1, ("load", "error"): 1, ("load", "ok"): 1}


def test_what_is_no_call_of_the_store_is_handed_on() -> None:
    """Its attributes are as they were."""
    store = MemoryStore()

    assert counted_store(store, Meter()).policies is store.policies
