"""Another daemon's YAML becomes a configuration of ours, and each setting is accounted for."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mailseal.config import Config, TcpAddress, UnixAddress, parse, to_toml
from mailseal.config.moving import Fate, ForeignConfigError, Moved, move
from mailseal.config.moving.yamlfile import MAX_FILE_BYTES, parse_yaml
from mailseal.faces.cli import cli
from mailseal.wire.profiles import ProfileName

RESOLVER = """\
path: /run/mta-sts/daemon.sock
mode: 0660
reuse_port: true
shutdown_timeout: 20
cache_grace: 120
proactive_policy_fetching:
  enabled: true
  interval: 43200
  concurrency_limit: 100
  grace_ratio: 2.0
cache:
  type: sqlite
  options:
    filename: "/var/lib/mta-sts/cache.db"
default_zone:
  strict_testing: false
  timeout: 4
  require_sni: true
  tlsrpt: false
zones:
  strict:
    strict_testing: true
    timeout: 4
  reports:
    tlsrpt: true
    require_sni: false
"""

TLSPOL = """\
server:
  address: unix:/run/postfix-tlspol/tlspol.sock
  metrics-address: 127.0.0.1:9642
  socket-permissions: 0666
  log-level: warn
  log-format: json
  tlsrpt: true
  prefetch: true
  cache-file: /var/lib/postfix-tlspol/cache.db
dns:
  address: 192.0.2.53:53
"""


def moved_from(tmp_path: Path, text: str) -> tuple[Config, Moved]:
    """Import a file, and read the result as the service does."""
    file = tmp_path / "other.yml"
    file.write_text(text)
    moved = move(file)
    return parse(to_toml(moved.document)), moved


def fates(moved: Moved, key: str) -> set[Fate]:
    """Return what was said of a key."""
    return {note.fate for note in moved.notes if note.key == key}


def test_postfix_mta_sts_resolver_listens_and_answers_as_before(tmp_path: Path) -> None:
    """Socket, mode, zones and intervals mean what they meant."""
    config, moved = moved_from(tmp_path, RESOLVER)

    (listener,) = config.listen
    assert listener.address == UnixAddress(path=Path("/run/mta-sts/daemon.sock"))
    assert listener.mode == 0o660
    assert config.zones["strict"].profile is ProfileName.POSTFIX
    assert config.zones["strict"].strict_testing
    assert config.zones["reports"].profile is ProfileName.POSTFIX_3_10
    assert not config.zones["reports"].sni
    assert config.default_zone == "default"
    assert config.zones["default"].answer_within.total_seconds() == 4
    assert config.sts.id_ttl_min.total_seconds() == 120
    assert config.sts.refetch_interval.total_seconds() == 43200
    assert fates(moved, "cache.options.filename") == {Fate.DIFFERENT}
    assert fates(moved, "proactive_policy_fetching.grace_ratio") == {Fate.LOST}


def test_dane_stays_off_where_there_was_none(tmp_path: Path) -> None:
    """A main.cf without smtp_dns_support_level = dnssec would defer all mail to DANE domains."""
    config, moved = moved_from(tmp_path, "host: 127.0.0.1\nport: 8461\n")

    assert not config.dane.enabled
    assert config.listen[0].address == TcpAddress(host="127.0.0.1", port=8461)
    assert fates(moved, "DANE") == {Fate.DIFFERENT}


def test_the_default_zone_rules_the_name_that_is_built_in_here(tmp_path: Path) -> None:
    """Most main.cf ask for "postfix", which was no zone there; a real zone named so stays."""
    config, _ = moved_from(tmp_path, "default_zone: {strict_testing: true, tlsrpt: true}")
    assert config.zones["postfix"] == config.zones["default"]
    assert config.zones["postfix"].profile is ProfileName.POSTFIX_3_10
    assert config.zones["sts"].profile is ProfileName.SENDMAIL
    assert config.zones["sts"].strict_testing

    config, _ = moved_from(
        tmp_path, "default_zone: {tlsrpt: true}\nzones: {postfix: {}, default: {}}"
    )
    assert config.zones["postfix"].profile is ProfileName.POSTFIX
    assert config.default_zone == "default-zone"
    assert config.zones["default-zone"].profile is ProfileName.POSTFIX_3_10


def test_postfix_tlspol_listens_and_answers_as_before(tmp_path: Path) -> None:
    """Socket, log, DNS and the meaning of QUERY are carried over; the metrics' place is told."""
    config, moved = moved_from(tmp_path, TLSPOL)

    (listener,) = config.listen
    assert listener.address == UnixAddress(path=Path("/run/postfix-tlspol/tlspol.sock"))
    assert listener.mode == 0o666
    assert (config.log.level.value, config.log.format.value) == ("warning", "json")
    assert config.dns.resolvers == (TcpAddress(host="192.0.2.53", port=53),)
    assert config.dns.trust_ad == ("192.0.2.53",)
    assert config.dane.enabled
    assert config.zones["QUERY"].profile is ProfileName.POSTFIX_3_10
    assert fates(moved, "server.metrics-address") == {Fate.CARRIED, Fate.DIFFERENT}
    assert config.http.address == TcpAddress(host="127.0.0.1", port=9642)
    assert fates(moved, "server.cache-file") == {Fate.LOST}


@pytest.mark.parametrize(("text", "address"), [
    ("dns: {}", "127.0.0.1:8642"),                      # its default
    ("server: {address: 'localhost:1'}", "127.0.0.1:1"),
    ("server: {address: '[::1]:8642'}", "[::1]:8642"),
    ("server: {address: ':8642'}", "0.0.0.0:8642"),     # every address of the machine
    ("host: '*'\nport: '8461'", "0.0.0.0:8461"),
    ("host: '::1'", "[::1]:8461"),
    ("port: 1", "127.0.0.1:1"),
])  # fmt: skip
def test_addresses_are_taken_in_every_form(tmp_path: Path, text: str, address: str) -> None:
    """What others can reach is allowed, since it was, but said."""
    config, moved = moved_from(tmp_path, text)

    (listener,) = config.listen
    assert str(listener.address) == address
    assert listener.allow_remote is address.startswith("0.")
    assert ("forge" in " ".join(note.text for note in moved.notes)) is listener.allow_remote


@pytest.mark.parametrize(("cache", "url"), [
    ("dsn: postgresql://u:p@db.example.com/sts", "postgresql://u:p@db.example.com/sts"),
    ("{host: db, port: 5433, user: u, password: 'p@/', database: sts}",
     "postgresql://u:p%40%2F@db:5433/sts"),
    ("{host: /run/postgresql, user: u, database: sts}",
     "postgresql://u@/sts?host=%2Frun%2Fpostgresql"),
])  # fmt: skip
def test_a_postgresql_cache_becomes_the_store(tmp_path: Path, cache: str, url: str) -> None:
    """Machines that shared policies go on sharing them; the password is never shown."""
    options = cache if cache.startswith("{") else f"{{{cache}}}"
    config, moved = moved_from(tmp_path, f"cache: {{type: postgres, options: {options}}}")

    assert config.store.url.reveal() == url
    assert not any("p@" in note.text or "p%40" in note.text for note in moved.notes)


@pytest.mark.parametrize(("text", "key"), [
    ("host: mail.example.com", "host, port"),           # a name would have to be looked up
    ("port: 70000", "host, port"),
    ("path: relative", "path"),
    ("path: /a\nmode: rw", "path"),
    ("zones: {'a b': {}}", "zones"),
    ("zones: {a: {timeout: 900}}", "zones.a.timeout"),
    ("zones: {a: {tlsrpt: maybe}}", "zones.a.tlsrpt"),
    ("zones: {a: {wat: 1}}", "zones.a.wat"),
    ("cache_grace: 90000", "cache_grace"),
    ("port: 1\nwat: 1", '"wat"'),
    ("cache: {type: redis, options: {url: 'redis://localhost'}}", "cache.type"),
    ("cache: {type: redis_sentinel}", "cache.options.sentinels"),
    ("cache: {type: memcached}", "cache.type"),
    ("cache: {type: postgres, options: {dsn: 'x'}}", "cache.options"),
    ("reuse_port: false", "reuse_port"),
    ("server: {address: nowhere}", "server.address"),
    ("server: {address: 'unix:tlspol.sock'}", "server.address"),
    ("server: {metrics-address: here}", "server.metrics-address"),
    ("server: {log-level: loud}", "server.log-level"),
    ("server: {log-format: xml}", "server.log-format"),
    ("server: {prefetch: false}", "server.prefetch"),
    ("dns: {address: 'resolver:53'}", "dns.address"),
    ("dns: {wat: 1}", "dns.wat"),
])  # fmt: skip
def test_what_cannot_be_carried_over_is_told(tmp_path: Path, text: str, key: str) -> None:
    """Nothing is dropped in silence, and what is written is still a good configuration."""
    _, moved = moved_from(tmp_path, text)

    assert Fate.LOST in fates(moved, key)


@pytest.mark.parametrize(("raw", "words"), [
    (b"", "not a mapping"),
    (b"- 1", "not a mapping"),
    (b"a: [", "line 1: is not YAML"),
    (b"a: 2026-99-99", "is not YAML"),                  # a date that is none
    (b"a: !!python/object/apply:os.system ['true']", "is not YAML"),
    (b"\xff\xfe\x00", "is not YAML"),
    (b"a: &a [1]\n" + b"b: [" + b"*a," * 101 + b"]", "aliases"),
    (b"[" * 100_000, "levels"),
    (b"a: [" + b"1," * 30_000 + b"]", "parts"),
])  # fmt: skip
def test_a_file_that_is_no_configuration_is_refused(raw: bytes, words: str) -> None:
    """In a sentence with the place, whatever is in it."""
    with pytest.raises(ForeignConfigError, match=words):
        parse_yaml(raw, source="other.yml")


def test_neither_daemons_file_is_refused(tmp_path: Path) -> None:
    """A file that is too long, missing, or somebody else's."""
    file = tmp_path / "other.yml"
    with pytest.raises(ForeignConfigError, match="cannot be read"):
        move(file)
    file.write_text("services: {}")
    with pytest.raises(ForeignConfigError, match="neither"):
        move(file)
    file.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ForeignConfigError, match="over"):
        move(file)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "timeout", "tlsrpt", "require_sni", "strict_testing", "type", "options", "url",
                    "filename", "dsn", "host", "port", "user", "password", "database", "enabled",
                    "interval", "address", "log-level", "log-format", "socket-permissions",
                ]
            ) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "host", "port", "path", "mode", "zones", "cache", "default_zone", "cache_grace",
                "proactive_policy_fetching", "server", "dns", "wat",
            ]
        ),
        VALUES,
        max_size=6,
    )
)  # fmt: skip
def test_whatever_is_in_the_file_the_result_can_be_used(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, object]
) -> None:
    """Any values of any kind: refused as a whole, or a document that mailseal accepts."""
    file = tmp_path_factory.mktemp("moving") / "other.yml"
    file.write_text(json.dumps(settings, allow_nan=True).replace("NaN", ".nan"))
    try:
        moved = move(file)
    except ForeignConfigError:
        return
    parse(to_toml(moved.document))
    assert all((note.key + note.text).isprintable() for note in moved.notes)


def test_a_name_in_the_file_cannot_become_a_setting(tmp_path: Path) -> None:
    """What is noted as lost stands in a comment, whatever line feeds and escapes it holds."""
    other = tmp_path / "other.yml"
    other.write_text('port: 1\n"x\\nstate_dir = 1 #\\e[31m": 1\nzones: {a: {"y\\n[dns]": 1}}\n')

    result = CliRunner().invoke(cli, ["config", "import", str(other)])

    assert result.exit_code == 0, result.output
    assert parse(result.stdout).listen[0].address == TcpAddress(host="127.0.0.1", port=1)
    assert "\x1b" not in result.output


def test_the_command_writes_a_file_once(tmp_path: Path) -> None:
    """With --output every setting's fate is told, the file holds it too, and none is replaced."""
    other, ours = tmp_path / "other.yml", tmp_path / "etc" / "mailseal.toml"
    other.write_text(TLSPOL)
    arguments = ["config", "import", str(other), "--output", str(ours)]

    first = CliRunner().invoke(cli, arguments)

    assert first.exit_code == 0, first.output
    assert "not carried over: server.cache-file: " in first.stdout
    assert "# not carried over: server.cache-file: " in ours.read_text()
    assert ours.stat().st_mode & 0o777 == 0o644
    parse(ours.read_text())
    assert CliRunner().invoke(cli, arguments).exit_code == 1
    assert CliRunner().invoke(cli, [*arguments, "--force"]).exit_code == 0


def test_the_command_prints_the_file_and_keeps_notes_apart(tmp_path: Path) -> None:
    """Standard output is TOML alone; JSON has all in one object; a database's file is private."""
    other, ours = tmp_path / "other.yml", tmp_path / "mailseal.toml"
    other.write_text("cache: {type: postgres, options: {dsn: 'postgresql://u:geheim@h/d'}}")

    plain = CliRunner().invoke(cli, ["config", "import", str(other)])
    document = json.loads(
        CliRunner().invoke(cli, ["config", "import", str(other), "--format", "json"]).stdout
    )
    CliRunner().invoke(cli, ["config", "import", str(other), "--output", str(ours)])

    assert parse(plain.stdout).store.url.reveal() == "postgresql://u:geheim@h/d"
    assert "geheim" not in plain.stderr
    assert document["daemon"] == "postfix-mta-sts-resolver"
    assert document["errors"] == []
    assert ours.stat().st_mode & 0o777 == 0o600
