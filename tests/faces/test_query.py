"""``mailseal query``: what a next hop is answered, and with --explain why."""

import pytest

from mailseal.dane.tlsa import TlsaRecord
from mailseal.results import ResultType
from mailseal.testing import FakeDns
from tests.faces.world import INSIDE, POLICY, World

SECURE = "OK secure match=mx.example.com servername=hostname"
GOOD = TlsaRecord(usage=3, selector=1, matching_type=1, data=bytes(32))


@pytest.mark.parametrize(("next_hop", "said"), [
    ("example.com", f"example.com: {SECURE}"),
    ("Example.COM.", f"example.com: {SECURE}"),
    ("example.com:587", f"example.com:587: {SECURE}"),
    ("[mx.example.com]:25", "[mx.example.com]:25: NOTFOUND"),   # has no policy of its own
    ("example.net", "example.net: NOTFOUND"),                   # no MTA-STS
    ("127.0.0.1", "127.0.0.1: NOTFOUND, since an address has no policy"),
    ("a..b", "a..b: NOTFOUND, since the key is not a domain name"),
])  # fmt: skip
def test_it_tells_the_reply_of_a_next_hop(world: World, next_hop: str, said: str) -> None:
    """As the MTA would write it, and as the MTA would be answered."""
    result = world.run("query", next_hop)

    assert result.stdout == f"{said}\n"
    assert result.exit_code == 0


def test_it_says_when_no_service_is_running(world: World) -> None:
    """On standard error, so that the answer can be read by programs."""
    assert "no service is running" in world.run("query", "example.com").stderr


def test_a_service_that_runs_is_asked(world: World) -> None:
    """Its answer is the one that MTAs get; nothing is looked up beside it."""
    with world.running():
        result = world.run("query", "example.com")

        assert result.stdout == f"example.com: {SECURE}\n"
        assert result.stderr == ""
        assert world.opened == 1
        assert world.run_json("query", "example.com")["from_running_service"] is True
    assert world.run_json("query", "example.com")["from_running_service"] is False


@pytest.mark.parametrize("profile", ["postfix-3.10", "sendmail", "exim"])
def test_it_tells_the_reply_of_another_profile(world: World, profile: str) -> None:
    """--profile chooses whose bytes are shown."""
    said = world.run("query", "example.com", "--profile", profile).stdout

    assert said.startswith(f"example.com: {SECURE}")
    assert ("policy_type=sts" in said) is (profile == "postfix-3.10")


def test_an_unknown_profile_is_told_with_the_known_ones(world: World) -> None:
    """Wrong usage is exit code 2, and nothing is looked up for it."""
    result = world.run("query", "example.com", "--profile", "postfixx")

    assert result.exit_code == 2
    assert world.opened == 0
    assert "no profile 'postfixx'; there are postfix, postfix-3.10" in result.stderr


def test_mail_that_has_to_wait_is_told_by_the_exit_code(world: World) -> None:
    """Scripts see it without reading; people see the reason."""
    world.publish(mx="mx.evil.test")

    result = world.run("query", "example.com")

    assert result.exit_code == 1
    assert "allows none of its MX hosts (mx.evil.test)" in result.stdout


def test_explain_shows_every_step_to_an_enforced_policy(world: World) -> None:
    """Records, policy host, policy with dates, MX hosts, decision, the bytes of each profile."""
    text = world.run("query", "example.com", "--explain").stdout
    size = len(POLICY.format(mode="enforce"))

    for line in (
        "Next hop example.com",
        '  _mta-sts.example.com TXT "v=STSv1; id=20260701;"',
        "  TTL 300 s, not validated by DNSSEC",
        "  https://mta-sts.example.com/.well-known/mta-sts.txt",
        f"  fetched 2026-07-01T12:00:00Z from 192.0.2.1, {size} bytes",
        "  mode enforce, id 20260701, max_age 604800 s",
        "  mx mx.example.com",
        "  fetched 2026-07-01T12:00:00Z, expires 2026-07-08T12:00:00Z",
        "     10 mx.example.com, allowed by the policy",
        "  sts-enforced: the MTA-STS policy is enforced",
        f"  postfix       {SECURE}",
        f"  sendmail      {SECURE}",
    ):
        assert f"{line}\n" in text


def test_explain_shows_what_dane_says(world: World) -> None:
    """The TLSA records of each host, and that DANE decides."""
    world.dns.secure()
    world.dns.tlsa("_25._tcp.mx.example.com", GOOD)

    text = world.run("query", "example.com", "--explain").stdout

    assert "MX set validated by DNSSEC" in text
    assert "DANE usable: 3 1 1 0000" in text
    assert "dane-required: DANE is required" in text
    assert "  postfix       OK dane-only\n" in text


def test_explain_shows_what_a_zones_own_resolvers_see(world: World) -> None:
    """Which they are, what they saw, and what its mail servers are told."""
    with world.config_file.open("a") as file:
        file.write(f'[zones.inside]\nprofile = "postfix"\nresolvers = ["{INSIDE}"]\n')
    world.inside = FakeDns()
    world.inside.secure()
    world.inside.mx("example.com", (10, "mx.inside.example"))
    world.inside.a("mx.inside.example", "192.0.2.26")
    world.inside.tlsa("_25._tcp.mx.inside.example", GOOD)

    text = world.run("query", "example.com", "--explain").stdout

    for line in (
        "     10 mx.example.com, allowed by the policy",
        f"MX hosts for inside, by {INSIDE}",
        "  MX set validated by DNSSEC",
        "     10 mx.inside.example, NOT allowed by the policy, DANE usable: 3 1 1 "
        + GOOD.data.hex(),
        "Decision for inside",
        f"  postfix       {SECURE}",
        "  inside        OK dane-only",
    ):
        assert f"{line}\n" in text


def test_explain_tells_why_there_is_no_policy(world: World) -> None:
    """A failed fetch in TLSRPT's words, with what was seen."""
    world.hosts.fail("example.com", ResultType.STS_WEBPKI_INVALID, "expired-2026-06-01")

    text = world.run("query", "example.com", "--explain").stdout

    assert "failed 2026-07-01T12:00:00Z: sts-webpki-invalid: expired-2026-06-01" in text
    assert "none: expired-2026-06-01" in text


def test_explain_shows_a_record_that_cannot_be_used(world: World) -> None:
    """With the finding that ``lint`` would give."""
    world.dns.txt("_mta-sts.example.com", "v=STSv1;")

    text = world.run("query", "example.com", "--explain").stdout

    assert 'TXT "v=STSv1;"' in text
    assert "error: " in text
    assert "(RFC 8461 §3.1)" in text


def test_explain_cannot_be_made_to_steer_the_terminal(world: World) -> None:
    """What strangers publish is shown without its control characters."""
    world.dns.txt("_mta-sts.example.com", b"v=STSv1; id=1;\x1b[2J\x9b31m")

    text = world.run("query", "example.com", "--explain").stdout

    assert "\x1b" not in text
    assert "\x9b" not in text


def test_json_has_the_same_and_more(world: World) -> None:
    """For programs: everything that --explain shows, by name."""
    document = world.run_json("query", "example.com")

    assert document["policy_domain"] == "example.com"
    assert document["record"]["state"] == "found"
    assert document["policy"]["mx"] == ["mx.example.com"]
    assert document["exchange"]["hosts"][0]["covered"] is True
    assert document["decision"]["answer"] == "sts-enforced"
    assert document["replies"]["postfix"] == SECURE


def test_json_stays_json_for_a_key_that_is_not_looked_up(world: World) -> None:
    """Whoever asked for JSON gets it, whatever the key."""
    document = world.run_json("query", "a..b")

    assert document["replies"]["postfix"] == "NOTFOUND "
    assert document["no_look_up_because"] == "the key is not a domain name"


@pytest.mark.parametrize(("arguments", "said"), [
    (("query",), "Missing argument"),
    (("query", "example.com", "--explian"), "No such option"),
    (("query", "example.com", "--format", "xml"), "is not one of 'text', 'json'"),
    (("qurey", "example.com"), "Did you mean 'query'?"),
])  # fmt: skip
def test_wrong_usage_is_exit_code_2(world: World, arguments: tuple[str, ...], said: str) -> None:
    """With the mistake named."""
    result = world.run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr


def test_an_unusable_configuration_is_exit_code_2(world: World) -> None:
    """Every fault is told, with the nearest right key."""
    world.config_file.write_text('[dnss]\nresolvers = ["127.0.0.1"]\n')

    result = world.run("query", "example.com")

    assert result.exit_code == 2
    assert "dnss" in result.stderr
    assert "dns" in result.stderr
