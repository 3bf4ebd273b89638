"""``[[overrides]]`` and ``[pins]``: what is read, what is refused, and in which words."""

from datetime import UTC, datetime

import pytest

from mailseal.config import ConfigError, from_document, parse, to_document, to_toml
from mailseal.mtasts.pattern import MxPattern
from mailseal.overrides import DaneOverride, Scope, StsOverride

KEY = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def problems(text: str) -> tuple[str, ...]:
    """Return what is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems


def test_exceptions_are_read_and_written_back() -> None:
    """They travel to the resolver as JSON, and are shown as TOML."""
    config = parse(
        f"""
        [zones.strict]
        profile = "postfix"
        strict_testing = true
        sni = false
        [[overrides]]
        domains = ["Example.COM", ".bücher.example"]
        sts = "off"
        expires = 2027-01-31
        comment = "ticket 4711: wörtlich"
        [[overrides]]
        domains = ["example.net"]
        sts = "enforce"
        mx = ["mx.example.net", "*.example.org"]
        dane = "testing"
        expires = "2027-01-31T18:00:00+02:00"
        [pins]
        source = "https://lists.example.com/pins.json"
        keys = ["{KEY}"]
        """
    )
    first, second = config.overrides
    assert first.domains == (Scope("example.com"), Scope(".xn--bcher-kva.example"))
    assert first.sts is StsOverride.OFF
    assert first.expires == datetime(2027, 1, 31, tzinfo=UTC)
    assert second.mx == (MxPattern("mx.example.net"), MxPattern("*.example.org"))
    assert second.dane is DaneOverride.TESTING
    assert second.expires == datetime(2027, 1, 31, 16, 0, tzinfo=UTC)
    assert [str(key) for key in config.pins.keys] == [KEY]
    assert config.zones["strict"].strict_testing
    assert not config.zones["strict"].sni

    document = to_document(config, reveal=True)
    assert from_document(document) == config
    assert parse(to_toml(document)) == config


DOMAIN = 'domains = ["example.com"]\n'


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (DOMAIN, "says nothing, expected sts or dane"),
        ('sts = "off"', "has no domains"),
        ('domains = []\nsts = "off"', "domains is [], expected one at least"),
        ('domains = ["*.example.com"]\nsts = "off"', 'or ".example.com" for all domains below it'),
        ('domains = ["192.0.2.1"]\nsts = "off"', "expected a list of at most"),
        ('domains = ["a.example", "A.example"]\nsts = "off"', "expected each value once"),
        (DOMAIN + 'sts = "none"', 'expected "off" or "testing" or "enforce"'),
        (DOMAIN + 'mx = ["mx.example.com"]\ndane = "off"', "has mx, which makes a fixed policy"),
        (DOMAIN + 'mx = ["mx.example.com"]\nsts = "off"', "has mx, which makes a fixed policy"),
        (DOMAIN + 'mx = ["hostname"]\nsts = "enforce"', "expected a list of at most"),
        (DOMAIN + 'mx = ["a b.example"]\nsts = "enforce"', 'each "mx.example.com"'),
        (DOMAIN + 'sts = "off"\nexpires = "soon"', 'expected a date such as "2027-01-31"'),
        (DOMAIN + 'sts = "off"\nexpires = 2027-01-31T18:00:00', "expected a date"),  # whose time?
        (DOMAIN + 'sts = "off"\nexpires = 20270131', "expected a date"),
        (DOMAIN + 'sts = "off"\nexpires = 0001-01-01T00:00:00+10:00', "expected a date"),
        (DOMAIN + 'sts = "off"\ncomment = "a\\nb"', "expected a line"),  # it stands in the log
        (DOMAIN + 'sts = "off"\nstss = 1', 'did you mean "sts"?'),
    ],
)
def test_a_fault_of_an_override_is_named(table: str, message: str) -> None:
    """With its number, and what is expected."""
    (problem,) = problems(f"[[overrides]]\n{table}")
    assert "[[overrides]] number 1" in problem
    assert message in problem


def test_a_name_has_one_override() -> None:
    """Which of two would count could only be guessed."""
    one = f'[[overrides]]\n{DOMAIN}sts = "off"\n'
    assert problems(one + one) == (
        "[[overrides]] number 2 domains has example.com, as has [[overrides]] number 1",
    )


def test_overrides_have_a_bound() -> None:
    """They go to the resolver in one message."""
    assert "expected at most 2000 tables" in problems("overrides = 3")[0]
    many = ", ".join(f'"{"x" * 60}{number}.example"' for number in range(1000))
    text = "".join(
        f'[[overrides]]\ndomains = [{many.replace("example", f"e{number}")}]\nsts = "off"\n'
        for number in range(8)
    )
    assert problems(text) == ("[[overrides]] have over 500000 bytes",)


def test_dane_cannot_be_required_of_an_mta_without_dnssec() -> None:
    """It would let all mail there wait."""
    text = f'[dane]\nenabled = false\n[[overrides]]\n{DOMAIN}dane = "enforce"'
    assert "would let all mail there wait" in problems(text)[0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('source = "/etc/pins.json"', "keys is empty"),
        (f'source = "pins.json"\nkeys = ["{KEY}"]', 'expected an absolute path or "https://'),
        (f'source = "http://a.example/p"\nkeys = ["{KEY}"]', "expected an absolute path"),
        (f'source = "https://u:p@a.example/p"\nkeys = ["{KEY}"]', "expected an absolute path"),
        ('keys = ["ed25519:eA=="]', '"ed25519:" and 32 bytes in base64'),
        ('check_interval = "1s"', "expected a duration"),
    ],
)
def test_a_fault_of_the_pins_is_named(table: str, message: str) -> None:
    """A list that nobody could sign, or that anybody could forge, is none."""
    assert message in problems(f"[pins]\n{table}")[0]
