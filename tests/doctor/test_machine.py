"""What the doctor makes of resolvers, clock, trust store and the state folder."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from mailseal.dane.validation import TestResult, Validation
from mailseal.doctor import machine
from mailseal.doctor.finding import Finding, Status, exit_code

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
P, U, D = Validation.PROVEN, Validation.UNPROVEN, Validation.DISPROVEN


def told(*findings: Finding) -> list[tuple[str, str]]:
    """Return codes and statuses; whatever is not well must have a remedy."""
    assert all(one.remedy for one in findings if one.status is not Status.OK)
    return [(one.code, one.status.value) for one in findings]


def resolver(validation: Validation, *, is_trusted: bool = True) -> machine.ResolverFact:
    """Return a tested resolver."""
    result = TestResult(validation=validation, reason="" if validation is P else "it said so")
    return machine.ResolverFact(address="127.0.0.1:53", is_trusted=is_trusted, result=result)


@pytest.mark.parametrize(("resolvers", "findings"), [
    ([resolver(P)], [("resolver-validates", "ok")]),
    ([resolver(P), resolver(D)],
     [("resolver-validates", "ok"), ("resolver-does-not-validate", "error")]),
    ([resolver(D)], [("resolver-does-not-validate", "error"), ("dane-is-off", "error")]),
    ([resolver(U)], [("resolver-silent", "warning")]),          # proves nothing
    ([resolver(D, is_trusted=False)],
     [("resolver-untrusted", "warning"), ("dane-is-off", "error")]),
    ([resolver(P), resolver(D, is_trusted=False)],
     [("resolver-validates", "ok"), ("resolver-untrusted", "warning")]),
])  # fmt: skip
def test_resolvers(resolvers: list[machine.ResolverFact], findings: list[tuple[str, str]]) -> None:
    """Each is judged alone, and DANE is off when no trusted one is left."""
    assert told(*machine.judge_resolvers(resolvers, has_dane=True)) == findings


def test_a_zones_own_resolvers_are_judged_apart() -> None:
    """DANE is off for the zone whose resolvers do not validate, and for no other."""
    own = dataclasses.replace(resolver(D), zones=("inside", "inner"))

    findings = list(machine.judge_resolvers([resolver(P), own], has_dane=True))

    assert told(*findings) == [
        ("resolver-validates", "ok"),
        ("resolver-does-not-validate", "error"),
        ("dane-is-off", "error"),
    ]
    assert "127.0.0.1:53 of zone inside, inner does not" in findings[1].seen
    assert findings[2].seen.endswith("so DANE of zone inside, inner is off")


@pytest.mark.parametrize("fact", [resolver(D), resolver(D, is_trusted=False)])
def test_without_dane_a_resolver_need_not_validate(fact: machine.ResolverFact) -> None:
    """Policies are fetched without DNSSEC."""
    assert exit_code(machine.judge_resolvers([fact], has_dane=False)) == 0


@pytest.mark.parametrize(("ahead", "is_synchronised", "finding"), [
    (timedelta(0), True, ("clock-synchronised", "ok")),
    (timedelta(minutes=5), True, ("clock-synchronised", "ok")),     # not yet a sign
    (timedelta(minutes=6), True, ("clock-behind", "error")),
    (timedelta(days=-400), True, ("clock-synchronised", "ok")),     # files may be old
    (timedelta(0), False, ("clock-not-synchronised", "warning")),
    (timedelta(0), None, ("clock-unknown", "unknown")),
])  # fmt: skip
def test_the_clock(
    ahead: timedelta, is_synchronised: bool | None, finding: tuple[str, str]
) -> None:
    """What was written before now cannot be dated later."""
    facts = machine.ClockFacts(
        now=NOW,
        dated=(("old", NOW - timedelta(days=1)), ("new", NOW + ahead)),
        is_synchronised=is_synchronised,
    )

    assert told(*machine.judge_clock(facts)) == [finding]


@pytest.mark.parametrize(("authorities", "error", "finding"), [
    (140, "", ("trust-store", "ok")),
    (0, "", ("trust-store-unusable", "error")),
    (0, "permission denied", ("trust-store-unusable", "error")),
])  # fmt: skip
def test_the_trust_store(authorities: int, error: str, finding: tuple[str, str]) -> None:
    """Without authorities no policy host can be verified."""
    store = machine.TrustStoreFact(source="/ca.pem", authorities=authorities, error=error)

    assert told(*machine.judge_trust_store(store)) == [finding]


@pytest.mark.parametrize(("mode", "error", "finding"), [
    (0o700, "", ("state-folder", "ok")),
    (0o750, "", ("state-folder-readable", "warning")),
    (0o755, "", ("state-folder-readable", "warning")),
    (0o770, "", ("state-folder-open", "error")),
    (0o1777, "", ("state-folder-open", "error")),
    (None, "", ("state-folder-missing", "error")),
    (None, "Permission denied", ("state-folder-unseen", "unknown")),
])  # fmt: skip
def test_the_state_folder(mode: int | None, error: str, finding: tuple[str, str]) -> None:
    """What is in it decides how mail is secured, and tells whom mail goes to."""
    folder = machine.FolderFact(path="/var/lib/mailseal", mode=mode, error=error)

    assert told(*machine.judge_state_folder(folder)) == [finding]


@pytest.mark.parametrize(("mode", "is_control", "finding"), [
    (0o600, True, ("socket-modes", "ok")),
    (0o660, True, ("control-socket-open", "error")),
    (0o604, True, ("control-socket-open", "error")),
    (0o666, False, ("socket-modes", "ok")),
    (0o660, False, ("socket-modes", "ok")),
    (0o600, False, ("listener-closed", "warning")),
    (0o644, False, ("listener-closed", "warning")),    # to read is not enough to connect
])  # fmt: skip
def test_the_modes_of_sockets(mode: int, is_control: bool, finding: tuple[str, str]) -> None:
    """One is for the service alone, the others are for mail servers."""
    fact = machine.SocketFact(path="/run/s", mode=mode, is_control=is_control)

    assert told(machine.judge_socket(fact)) == [finding]


@pytest.mark.parametrize(("mode", "has_secret", "finding"), [
    (0o644, False, ("config-file", "ok")),
    (0o640, True, ("config-file", "ok")),
    (0o644, True, ("config-readable", "warning")),
    (0o646, False, ("config-open", "error")),
    (0o664, False, ("config-open", "error")),
    (0o666, True, ("config-open", "error")),       # the graver one
])  # fmt: skip
def test_the_mode_of_the_configuration_file(
    mode: int, has_secret: bool, finding: tuple[str, str]
) -> None:
    """Who may write to it rules the service; who may read it knows the passwords in it."""
    file = machine.ConfigFileFact(path="/m.toml", mode=mode, has_secret=has_secret)

    assert told(machine.judge_config_file(file)) == [finding]


@pytest.mark.parametrize(("statuses", "code"), [
    ([], 0),
    (["ok"], 0),
    (["ok", "unknown"], 3),
    (["warning", "unknown"], 1),
    (["warning", "error", "unknown"], 2),
])  # fmt: skip
def test_the_exit_code_is_that_of_monitoring(statuses: list[str], code: int) -> None:
    """0 good, 1 warnings, 2 errors, 3 unknown; the worst of all counts."""
    findings = [Finding(code="x", status=Status(word), seen="") for word in statuses]

    assert exit_code(findings) == code
