"""What is kept of one domain."""

from dataclasses import replace

import pytest

from mailseal.answers import Answer, MxRecord
from mailseal.checks.evidence import (
    Depth,
    Evidence,
    Failure,
    PolicyFetch,
    Stage,
    Trouble,
)
from mailseal.checks.judge import judge
from mailseal.checks.verdict import Verdict
from mailseal.mtasts.policy import Mode
from mailseal.scans.result import (
    START,
    Facts,
    MxState,
    Result,
    ResultSyntaxError,
    State,
    read_result,
    sum_up,
    write_result,
)
from mailseal.testing.evidence import (
    absent,
    domain_evidence,
    failed,
    fetch,
    found,
    host,
    policy_host,
    records,
    session,
    txt,
)


def facts(evidence: Evidence) -> Facts:
    made = sum_up(1, judge(evidence)).facts
    assert made is not None
    return made


def test_a_good_domain_comes_to_its_facts() -> None:
    """Record, mode, max_age, hosts, TLS and reports, each in a field."""
    result = sum_up(7, judge(domain_evidence()))

    assert (result.number, result.domain, result.depth) == (7, "example.com", Depth.SMTP)
    assert result.verdict is Verdict.HEALTHY
    assert result.seconds == 2.0
    assert result.facts == Facts(
        sts=State.PRESENT,
        policy=State.PRESENT,
        mode=Mode.ENFORCE,
        max_age=604_800,
        tlsrpt=State.PRESENT,
        mx=MxState.PRESENT,
        mx_count=1,
        starttls={State.PRESENT: 1},
        tls={"TLSv1.3": 1},
    )


def test_a_result_is_read_back_as_it_was() -> None:
    """Lines are the only memory of a scan."""
    result = sum_up(7, judge(domain_evidence()))
    line = write_result(result)

    assert line.startswith(START)
    assert line.endswith(b"}\n")
    assert read_result(line) == result


def test_a_fault_is_a_short_line() -> None:
    """What was not examined has nothing but the reason."""
    line = write_result(Result(number=3, domain="!", fault="no domain name: empty"))

    assert line == b'{"number":3,"domain":"!","fault":"no domain name: empty"}\n'


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"number":"x"}', b"\0\0", b"[" * 9999])
def test_other_lines_are_no_results(line: bytes) -> None:
    """Whatever else stands in a file raises our own error."""
    with pytest.raises(ResultSyntaxError):
        read_result(line)


@pytest.mark.parametrize(
    ("sts", "state"),
    [
        (txt("v=STSv1; id=1;"), State.PRESENT),
        (txt("v=STSv1"), State.INVALID),
        (txt('"v=STSv1; id=1;"'), State.INVALID),  # as its finding says
        (txt("v=spf1 -all"), State.ABSENT),  # a wildcard's
        (absent(), State.ABSENT),
        (failed(), State.UNKNOWN),
    ],
)
def test_a_record_is_present_invalid_absent_or_unknown(sts: object, state: State) -> None:
    """A failed look-up is no absence, and another text no try at MTA-STS."""
    evidence = domain_evidence(own_records=replace(records(), sts=sts))  # type: ignore[arg-type]

    assert facts(evidence).sts is state


@pytest.mark.parametrize(
    ("tlsrpt", "state"),
    [
        (txt("v=TLSRPTv1; rua=mailto:a@example.com"), State.PRESENT),
        (txt("v=TLSRPTv1; rua=a@example.com"), State.INVALID),  # nobody can report there
        (txt("v=TLSRPTv1"), State.INVALID),
        (txt("v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@d.example"),
         State.INVALID),
        (txt("v=spf1 -all"), State.ABSENT),
        (absent(), State.ABSENT),
        (failed(), State.UNKNOWN),
        (None, None),
    ],
)  # fmt: skip
def test_reports_are_wanted_where_a_sender_finds_somewhere_to_send_them(
    tlsrpt: object, state: State | None
) -> None:
    """A record that no sender can act upon is broken, as its finding says, and no adoption."""
    evidence = domain_evidence(own_records=replace(records(), tlsrpt=tlsrpt))  # type: ignore[arg-type]

    assert facts(evidence).tlsrpt is state


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (fetch(b"no policy"), State.INVALID),
        (replace(fetch(), status=404), State.ABSENT),
        (replace(fetch(), failure=Failure(trouble=Trouble.TIMEOUT, reason="late"), status=None),
         State.UNKNOWN),
        (replace(fetch(), failure=Failure(trouble=Trouble.CLOSED, reason="reset"), status=None),
         State.UNKNOWN),
        (replace(fetch(), failure=Failure(trouble=Trouble.CLOSED, reason="cut"), is_whole=False),
         State.UNKNOWN),
        (replace(fetch(), failure=Failure(trouble=Trouble.REFUSED, reason="no"), status=None),
         State.ABSENT),
    ],
)  # fmt: skip
def test_a_policy_is_present_invalid_absent_or_unknown(one: PolicyFetch, state: State) -> None:
    """A host that was not reached in time may serve a policy all the same."""
    assert facts(domain_evidence(policy=policy_host(one))).policy is state


@pytest.mark.parametrize(
    ("mx", "state", "count"),
    [
        (found(MxRecord(preference=0, host="")), MxState.NULL, 0),
        (found(MxRecord(preference=0, host="192.0.2.1")), MxState.INVALID, 0),
        (absent(is_name_known=True), MxState.IMPLICIT, 1),
        (failed(), MxState.UNKNOWN, 0),
    ],
)
def test_where_mail_goes_is_told_by_the_mx_records(mx: object, state: MxState, count: int) -> None:
    """No MX record is another thing than a null MX, and than a failed look-up."""
    made = facts(domain_evidence(own_records=replace(records(), mx=mx)))  # type: ignore[arg-type]

    assert (made.mx, made.mx_count) == (state, count)


@pytest.mark.parametrize(
    ("a", "aaaa", "state"),
    [
        (absent(), absent(), MxState.NOWHERE),
        (absent(is_name_known=True), absent(is_name_known=True), MxState.NOWHERE),
        (absent(), failed(), MxState.IMPLICIT),  # nobody knows
        (found("192.0.2.1"), absent(), MxState.IMPLICIT),
    ],
)
def test_a_domain_without_mx_and_address_takes_no_mail(
    a: Answer[str], aaaa: Answer[str], state: MxState
) -> None:
    """Mistyped and parked names would count as domains without MTA-STS."""
    own = replace(records(), mx=absent())
    one = replace(host("example.com", sessions=()), a=a, aaaa=aaaa)
    evidence = domain_evidence(one, own_records=own)

    assert facts(evidence).mx is state


def test_a_busy_server_has_not_said_that_it_lacks_tls() -> None:
    """A server that turned us away counts as unknown."""
    busy = replace(
        session(),
        stage=Stage.CONNECTED,
        failure=Failure(trouble=Trouble.BUSY, reason="later", code=421),
        offers_starttls=None,
        tls=None,
    )
    plain = replace(session(address="192.0.2.2"), offers_starttls=False, tls=None)

    made = facts(domain_evidence(host(sessions=(busy, plain))))

    assert made.starttls == {State.UNKNOWN: 1, State.ABSENT: 1}
    assert made.tls == {}
