"""The configuration: what is read, what is refused, and in which words."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailseal.config import (
    BUILT_IN_ZONES,
    Config,
    ConfigError,
    Protocol,
    SecretUrl,
    TcpAddress,
    UnixAddress,
    config_path,
    dns_views,
    from_document,
    load,
    look_around,
    parse,
    to_document,
    to_toml,
)
from mailseal.config.exceptions import OverrideSettings
from mailseal.config.keys import keys_of
from mailseal.config.kinds import RefusedValueError, duration, render_duration
from mailseal.config.listening import ListenSettings, ZoneSettings
from mailseal.config.reference import render_reference
from mailseal.config.relations import MAX_VIEWS
from mailseal.config.settings import TABLES
from mailseal.config.system import parse_resolv_conf, system_resolvers
from mailseal.config.template import render_template
from mailseal.config.words import MtaDefault
from mailseal.wire.profiles import ProfileName

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"


def problems(text: str) -> tuple[str, ...]:
    """Return what is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems


def test_an_empty_file_is_a_working_configuration() -> None:
    """Every key has a default: two loopback listeners, SQLite in the state folder."""
    config = parse("")
    assert config == Config()
    assert [str(one.address) for one in config.listen] == ["127.0.0.1:8461", "127.0.0.1:8462"]
    assert [one.protocol for one in config.listen] == [Protocol.SOCKETMAP, Protocol.LINE]
    assert config.store.url.reveal() == "sqlite:////var/lib/mailseal/mailseal.db"


def test_the_database_follows_the_state_folder() -> None:
    """Whoever moves the state moves the database, unless it was named."""
    assert parse('state_dir = "/srv/m"').store.url.reveal() == "sqlite:////srv/m/mailseal.db"
    embedded = Config.embedded(Path("var"))
    assert embedded.state_dir == Path.cwd() / "var"
    assert embedded.store.url.reveal() == f"sqlite:///{Path.cwd()}/var/mailseal.db"


def test_every_kind_of_value_is_read() -> None:
    """A file that sets many things gives a Config that says so."""
    config = parse(
        """
        [[listen]]
        protocol = "socketmap"
        address = "unix:/run/mailseal/socketmap"
        mode = "0660"
        owner = "postfix"
        [[listen]]
        protocol = "line"
        address = "[::1]:9000"
        zone = "slow"
        [[listen]]
        protocol = "socketmap"
        address = "0.0.0.0:8461"
        allow_remote = true
        [zones.slow]
        profile = "exim"
        deadline = 8
        [zones.postfix]
        profile = "postfix-3.10"
        [dns]
        resolvers = ["127.0.0.1", "[::1]:5353", "::1"]
        [https]
        proxy = "http://127.0.0.1:3128"
        [sts]
        refetch_interval = "12h"
        """
    )
    unix, line, remote = config.listen
    assert unix.address == UnixAddress(path=Path("/run/mailseal/socketmap"))
    assert (unix.mode, unix.owner, unix.group) == (0o660, "postfix", None)
    assert line.address == TcpAddress(host="::1", port=9000)
    assert remote.allow_remote
    assert config.zones["slow"].answer_within == timedelta(seconds=8)
    assert config.zones["postfix"].profile is ProfileName.POSTFIX_3_10
    assert config.zones["postfix"].answer_within == timedelta(seconds=10)
    assert set(BUILT_IN_ZONES) < set(config.zones)
    assert [str(one) for one in config.dns.resolvers] == ["127.0.0.1:53", "[::1]:5353", "[::1]:53"]
    assert config.sts.refetch_interval == timedelta(hours=12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Keys
        ('default_zone = "nope"', 'default_zone is "nope", expected one of postfix'),
        ("stat_dir = 1", 'unknown key "stat_dir"; did you mean "state_dir"?'),
        ("[dns]\nresolver = []", 'unknown key "resolver" in [dns]; did you mean "resolvers"?'),
        ("[log]\nurl = 1", 'unknown key "url" in [log]; it belongs to [store]'),
        ("[dns]\nlistn = 1", 'did you mean "listen", which does not belong here?'),
        ("[log]\nq = 1", 'unknown key "q" in [log]; known are level, format'),
        ("dns = 3", "[dns] is 3, expected a table"),
        ("listen = 3", "listen is 3, expected 1 to 64 tables [[listen]]"),
        ("listen = []", "listen is [], expected 1 to 64"),  # a service that nobody can ask
        ("zones = 3", "[zones] is 3, expected tables [zones.NAME]"),
        ('[[listen]]\naddress = "127.0.0.1:1"', "[[listen]] number 1 has no protocol"),
        # Durations and numbers
        ('[dns]\ntimeout = "soon"', '[dns] timeout is "soon", expected a duration from "100ms"'),
        ('[dns]\ntimeout = "1 h"', "expected a duration"),
        ('[dns]\ntimeout = "2h"', "expected a duration"),  # longer than any MTA waits
        ("[dns]\ntimeout = true", "[dns] timeout is true"),  # an int for Python
        ("[dns]\ntimeout = -1", "[dns] timeout is -1"),
        ("[dns]\ntimeout = nan", "[dns] timeout is nan"),
        ('[sts]\nfetch_backoff_min = "1m"', "expected a duration from"),  # RFC 8461 §3.3: 5 min
        ('[dns]\nfailed_wait = "10s"', "[dns] failed_retry is 15s, expected at most failed_wait"),
        ("[dane]\nrefresh_at = nan", "expected a number from 0.1 to 0.95"),
        ("[limits]\nconnections = 0", "expected a whole number from 1"),
        ("[limits]\nconnections = 0x" + "f" * 5000, "is a number of over 18 digits"),
        ("[limits]\nconnections = " + "9" * 5000, "is not TOML"),  # beyond what Python reads
        # Words
        ('[log]\nlevel = "loud"', 'expected "debug" or "info" or "warning" or "error"'),
        ("[log]\nlevel = 3", '[log] level is 3, expected "debug"'),
        ('[dane]\nenabled = "yes"', "expected true or false"),
        ('state_dir = "var"', "expected an absolute path"),
        # Addresses
        ('[dns]\nresolvers = ["dns.example.com"]', 'expected a list of at most 8, each "IP"'),
        ('[dns]\nresolvers = ["::1:53:"]', "each"),
        ('[dns]\nresolvers = ["127.0.0.1", "127.0.0.1:53"]', "expected each value once"),
        ('[dns]\nresolvers = ["127.0.0.1:0"]', "a port from 1 to 65535"),
        ('[dns]\nresolvers = ["127.0.0.1:٣"]', "a port from 1 to 65535"),  # an Arabic digit
        ('[https]\nproxy = "https://127.0.0.1:3128"', 'expected "http://HOST:PORT"'),
        ('[https]\nproxy = "http://127.0.0.1"', "http://HOST:PORT"),
        ('[store]\nurl = "sqlite:///relative.db"', "sqlite:////ABSOLUTE/PATH"),
        ('[store]\nurl = "mysql://host/db"', "postgresql://"),
        # Relations
        ('[sts]\nid_ttl_min = "1h"\nid_ttl_max = "1m"', "id_ttl_min is 1h, expected at most"),
        ("not toml", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),  # deeper than the parser's stack
    ],
)
def test_a_fault_is_named_with_its_place_and_what_is_expected(text: str, message: str) -> None:
    """Each message tells where, what was seen and what is expected."""
    (problem,) = problems(text)
    assert message in problem
    assert len(problem) < 600


@pytest.mark.parametrize(
    ("listener", "message"),
    [
        ('protocol = "socketmap"\naddress = "0.0.0.0:8461"', "set allow_remote = true"),
        ('protocol = "socketmap"\naddress = "192.0.2.1:8461"', "set allow_remote = true"),
        ('protocol = "socketmap"\naddress = "[::]:8461"', "set allow_remote = true"),
        ('protocol = "socketmap"\naddress = "localhost:8461"', 'expected "IP:PORT"'),
        ('protocol = "socketmap"\naddress = "::1:8461"', 'expected "IP:PORT"'),  # ambiguous
        ('protocol = "socketmap"\naddress = "unix:run/x"', 'expected "IP:PORT"'),
        (f'protocol = "socketmap"\naddress = "unix:/{"x" * 107}"', "at most 107 bytes"),
        ('protocol = "line"\naddress = "127.0.0.1:1"\nzone = "none"', 'zone is "none", expected'),
        ('protocol = "line"\naddress = "127.0.0.1:1"\nmode = 660', "octal digits as text"),
        ('protocol = "smtp"\naddress = "127.0.0.1:1"', 'expected "socketmap" or "line"'),
    ],
)
def test_a_listener_that_cannot_be_or_should_not_be_is_refused(listener: str, message: str) -> None:
    """Neither protocol has passwords, so reaching other machines takes a word of one's own."""
    (problem,) = problems(f"[[listen]]\n{listener}")
    assert problem.startswith("[[listen]] number 1 ")
    assert message in problem


def test_two_listeners_cannot_share_an_address() -> None:
    """The second bind would fail only at start."""
    one = '[[listen]]\nprotocol = "socketmap"\naddress = "127.0.0.1:8461"\n'
    assert problems(one + one) == ("[[listen]] number 2 address 127.0.0.1:8461 is there twice",)


@pytest.mark.parametrize("name", ["with blank", "", "é", "x" * 65])
def test_a_zone_needs_a_name_that_an_mta_can_send(name: str) -> None:
    """A map name ends at the first blank of a socketmap request."""
    (problem,) = problems(f'[zones.{json.dumps(name)}]\nprofile = "postfix"')
    assert "has a name that no MTA can send" in problem


def test_all_faults_are_told_together() -> None:
    """Nobody wants to mend a file one restart at a time."""
    told = problems('state_dir = 1\n[dns]\ntimeout = "x"\nq = 1\n[log]\nlevel = "x"')
    assert len(told) == 4


def test_a_password_is_shown_nowhere() -> None:
    """Neither as text, nor in messages about it, but given to the one who connects."""
    url = "postgresql://mailseal:hunt%40er2@db.example.com/mailseal?password=hunter2"
    config = parse(f'[store]\nurl = "{url}"')
    assert config.store.url.reveal() == url
    shown = repr(config) + str(config.store.url) + to_toml(to_document(config))
    assert "er2" not in shown
    assert "er2" not in "".join(problems(f'[store]\nurl = "{url}\\u0000"\ndns = "{url}"'))


@pytest.mark.parametrize("password", ["hunt@er2", "hunt/er2", "hunt/@er2", "h:unt/er2"])
def test_a_password_that_breaks_its_url_is_refused_unseen(password: str) -> None:
    """Such characters have to be percent-encoded, or another host would be asked."""
    (problem,) = problems(f'[store]\nurl = "postgresql://mailseal:{password}@h/d"')
    assert "%40" in problem
    assert "er2" not in problem


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d"),
        ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
        (
            "postgresql://u@h/d?password=p&sslmode=require",
            "postgresql://u@h/d?password=***&sslmode=require",
        ),
        ("sqlite:////var/lib/x:y.db", "sqlite:////var/lib/x:y.db"),
    ],
)
def test_a_url_is_shown_without_its_password_only(url: str, shown: str) -> None:
    """The rest is what one looks for when the database is not reached."""
    assert str(SecretUrl(url)) == shown


DURATIONS = st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms))


@given(DURATIONS)
def test_a_written_duration_reads_back(value: timedelta) -> None:
    """render and read are inverse; 999999999ms is the most that text can say."""
    kind = duration("0s", "52w")
    assert kind.read(render_duration(value)) == value


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_any_value_is_read_or_refused_by_every_kind(value: object) -> None:
    """No kind raises anything but its refusal, whatever TOML or JSON can hold."""
    for settings in (Config, ListenSettings, ZoneSettings, *TABLES.values()):
        for known in keys_of(settings).values():
            try:
                known.kind.read(value)
            except RefusedValueError:
                pass


@given(st.text())
def test_any_text_is_a_configuration_or_our_error(text: str) -> None:
    """A file with anything in it ends in a message, not in a traceback."""
    try:
        parse(text)
    except ConfigError:
        pass


def test_a_configuration_reads_back_from_what_it_is_written_as() -> None:
    """TOML and JSON carry it whole from one process to another."""
    url = SecretUrl("postgresql://u:p@h/d")
    config = replace(Config(), store=replace(Config().store, url=url))
    document = to_document(config, reveal=True)
    assert from_document(json.loads(json.dumps(document))) == config
    assert parse(to_toml(document)) == config


def test_the_template_parses_to_the_defaults_with_and_without_its_marks() -> None:
    """Every key stands in the file with its default; uncommenting one changes nothing."""
    template = render_template()
    assert parse(template) == Config()
    lines = [
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in template.splitlines()
    ]
    explicit = parse("\n".join(lines))
    assert replace(explicit, zones=BUILT_IN_ZONES, overrides=()) == Config()
    for settings in (Config, ListenSettings, ZoneSettings, OverrideSettings, *TABLES.values()):
        for name in keys_of(settings):
            assert f"\n#{name} = " in template


def test_the_reference_is_what_the_keys_say() -> None:
    """Made anew by: mailseal config reference > docs/reference/configuration.md."""
    assert REFERENCE.read_text() == render_reference()


@pytest.mark.parametrize(
    "settings", [Config, ListenSettings, ZoneSettings, OverrideSettings, *TABLES.values()]
)
def test_every_key_has_its_paragraph_and_a_default_of_its_own_kind(settings: type) -> None:
    """A default or an example that the reader would refuse helps nobody."""
    for name, known in keys_of(settings).items():
        assert known.about.endswith("."), name
        if known.example is not None:
            known.kind.read(known.example)
        if not known.is_required and settings not in (
            ListenSettings,
            ZoneSettings,
            OverrideSettings,
        ):
            default = getattr(settings(), name)
            assert known.kind.read(known.kind.write(default)) == default, name


def test_the_file_is_named_by_option_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """--config wins over MAILSEAL_CONFIG, and /etc comes last."""
    monkeypatch.setenv("MAILSEAL_CONFIG", "/from/environment")
    assert config_path(Path("/from/option")) == Path("/from/option")
    assert config_path(None) == Path("/from/environment")
    monkeypatch.delenv("MAILSEAL_CONFIG")
    assert config_path(None) == Path("/etc/mailseal/mailseal.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, 'run "mailseal config init" or pass --config'),
        (b"\xff", "byte 0 is not UTF-8"),
        (b"#" * 1_048_577, "has over 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Missing, binary or endless."""
    path = tmp_path / "mailseal.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load(path)
    assert caught.value.source == str(path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nameserver 127.0.0.53\n", ["127.0.0.53:53"]),
        ("nameserver ::1\nnameserver 192.0.2.1 # comment\n", ["[::1]:53", "192.0.2.1:53"]),
        ("options trust-ad\nsearch example.com\n", []),
        ("nameserver\nnameserver dns.example.com\n#nameserver 192.0.2.1\n", []),
        ("nameserver 192.0.2.1\n" * 2, ["192.0.2.1:53"]),
        (
            "".join(f"nameserver 192.0.2.{n}\n" for n in range(9)),
            [f"192.0.2.{n}:53" for n in range(3)],
        ),
    ],
)
def test_resolv_conf_is_read_as_the_c_library_does(text: str, found: list[str]) -> None:
    """Three servers at most; what is no address is passed over (resolv.conf(5))."""
    assert [str(one) for one in parse_resolv_conf(text)] == found


def test_a_machine_without_resolvers_asks_itself(tmp_path: Path) -> None:
    """No file, or none named in it, means 127.0.0.1 (resolv.conf(5))."""
    assert [str(one) for one in system_resolvers(tmp_path / "missing")] == ["127.0.0.1:53"]


def test_looking_around_finds_what_this_machine_lacks() -> None:
    """Accounts and files that are not there, and resolvers that nobody vouches for."""
    config = parse(
        """
        [[listen]]
        protocol = "socketmap"
        address = "unix:/run/x"
        owner = "no-such-user"
        group = "no-such-group"
        [https]
        ca_file = "/nonexistent.pem"
        [dns]
        resolvers = ["192.0.2.53"]
        """
    )
    found = look_around(config)
    assert len(found.errors) == 3
    assert "192.0.2.53:53" in found.warnings[0]
    trusted = replace(config, dns=replace(config.dns, trust_ad=("192.0.2.53",)))
    assert look_around(trusted).warnings == ()


def test_a_zone_may_have_resolvers_of_its_own() -> None:
    """Zones with the same ones share a view; those of the whole service make none."""
    config = parse(
        """
        [dns]
        resolvers = ["127.0.0.1"]
        trust_ad = ["192.0.2.53"]
        [zones.inside]
        profile = "postfix"
        resolvers = ["192.0.2.53", "[2001:db8::53]:5353"]
        [zones.inner]
        profile = "exim"
        resolvers = ["192.0.2.53:53", "[2001:DB8::53]:5353"]
        [zones.same]
        profile = "postfix"
        resolvers = ["127.0.0.1:53"]
        [zones.far]
        profile = "postfix"
        resolvers = ["198.51.100.53"]
        """
    )
    views = [([str(one) for one in view.resolvers], view.zones) for view in dns_views(config)]
    assert views == [
        (["127.0.0.1:53"], ()),
        (["192.0.2.53:53", "[2001:db8::53]:5353"], ("inside", "inner")),
        (["198.51.100.53:53"], ("far",)),
    ]
    (warning,) = look_around(config).warnings
    assert "no resolver (198.51.100.53:53)" in warning
    assert "there is no DANE for the zone far" in warning
    assert from_document(to_document(config, reveal=True)) == config
    shown = to_document(config)["zones"]
    assert "resolvers" not in shown["postfix"]


def test_the_number_of_views_is_bounded() -> None:
    """Each has sockets, a memory and tests of its own."""
    zones = [
        f'[zones.z{number}]\nprofile = "postfix"\nresolvers = ["192.0.2.{number // 2}"]\n'
        for number in range(2 * MAX_VIEWS + 1)
    ]
    assert len(dns_views(parse("".join(zones[:-1])))) == MAX_VIEWS + 1
    assert problems("".join(zones)) == (
        "[zones] have 9 different sets of resolvers, expected at most 8",
    )


def test_importing_the_configuration_is_cheap() -> None:
    """Commands must feel instant: nothing heavy comes along."""
    heavy = "'sqlalchemy', 'dns', 'cryptography', 'click', 'asyncio'"
    check = f"import sys, mailseal.config; sys.exit(bool({{{heavy}}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.parametrize(("text", "part"), [
    ('[http]\naddress = "192.0.2.1:8463"\n', "allow_remote"),
    ('[http]\naddress = "127.0.0.1:8461"\n', "that of a [[listen]] too"),
    ('[http]\naddress = "localhost"\n', "[http] address"),
])  # fmt: skip
def test_http_is_kept_from_strangers_and_from_other_listeners(text: str, part: str) -> None:
    """As for other listeners: a remote address takes a second word."""
    assert any(part in problem for problem in problems(text))


def test_http_can_be_anywhere_or_nowhere() -> None:
    """The default is loopback; what is off may have any address."""
    assert str(parse("").http.address) == "127.0.0.1:8463"
    assert not parse('[http]\nenabled = false\naddress = "192.0.2.1:8461"\n').http.enabled
    assert parse('[http]\naddress = "192.0.2.1:80"\nallow_remote = true\n').http.allow_remote
    assert str(parse('[http]\naddress = "unix:/run/x"\n').http.address) == "unix:/run/x"


def test_http_is_asked_by_names_of_ones_own() -> None:
    """In lower case and without a final dot, as the Host header is compared."""
    assert parse("").http.names == ()
    assert parse('[http]\nnames = ["MX1.example.com."]\n').http.names == ("mx1.example.com",)
    for bad in ("mx1.example.com:8463", "http://mx1.example.com", "*.example.com", ""):
        assert problems(f'[http]\nnames = ["{bad}"]\n')


def test_web_servers_that_are_trusted_are_addresses_networks_or_unix_peers() -> None:
    """Each is written back as it is written best."""
    assert parse("").http.trusted_proxies == ()
    written = ["127.0.0.1", "10.0.0.0/8", "2001:db8::1", "fd00::/8", "unix:"]
    config = parse(f"[http]\ntrusted_proxies = {written}\n")
    assert to_document(config)["http"]["trusted_proxies"] == written


@pytest.mark.parametrize(("written", "message"), [
    ("proxy.example.com", 'each "IP", "IP/PREFIX" or "unix:"'),
    ("unix:/run/nginx", 'or "unix:"'),            # a peer has no path, we have
    ("10.0.0.1/8", '"10.0.0.0/8"'),               # which of both is meant?
    ("10.0.0.0/255.0.0.0", '"IP/PREFIX"'),
    ("10.0.0.0/33", '"IP/PREFIX"'),
    ("fe80::1%eth0", '"IP/PREFIX"'),
    ("::ffff:10.0.0.1", "as IPv4 writes it"),     # no peer has this form here
    ("0.0.0.0/0", "/8 at the widest"),            # everybody could be anybody
    ("::/0", "/7 at the widest"),
])  # fmt: skip
def test_a_web_server_that_cannot_be_trusted_is_refused(written: str, message: str) -> None:
    """Whoever is in the list may name any client: no stranger may get in by a slip."""
    (problem,) = problems(f'[http]\ntrusted_proxies = ["{written}"]\n')
    assert message in problem


@pytest.mark.parametrize(("written", "name"), [
    (".", ""),                                  # the root, as everybody writes it
    ("Example.COM.", "example.com"),
    ("_25._tcp.mx.example.com", "_25._tcp.mx.example.com"),
])  # fmt: skip
def test_the_names_of_the_self_test_are_any_names_of_dns(written: str, name: str) -> None:
    """They need not be host names, and read back as they were meant."""
    config = parse(f'[dane]\nself_test_name = "{written}"\n')

    assert config.dane.self_test_name == name
    assert parse(to_toml(to_document(config))).dane.self_test_name == name


@pytest.mark.parametrize("written", [
    "",                     # not the root, more likely forgotten
    "a..example",           # an empty label
    "a" * 64 + ".example",  # a label of more than 63 bytes
    "bücher.example",       # DNS has A-labels
    "example.com evil",     # a blank
    ".".join(["a" * 60] * 5),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_no_name_of_a_self_test(written: str) -> None:
    """Told at the start, not at the first test."""
    with pytest.raises(ConfigError, match="self_test_name"):
        parse(f'[dane]\nself_test_name = "{written}"\n')


def test_what_an_mta_does_of_its_own_is_known_by_the_name_of_its_level() -> None:
    """At "verify" and "secure" an answer "dane" would weaken it, and DANE is not what it does."""
    assert {one for one in MtaDefault if one.is_dane} == {"dane", "dane-only"}
    assert {one for one in MtaDefault if not one.is_dane_or_stricter} == {"none", "may", "encrypt"}
