"""Postfix: does it ask mailseal in a form it understands, and may it do what it is told?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mailseal.doctor.finding import Finding, Status, ok

PARAMETERS = (
    "mail_version",
    "queue_directory",
    "smtp_dns_support_level",
    "smtp_host_lookup",
    "smtp_tls_CAfile",
    "smtp_tls_CApath",
    "smtp_tls_mandatory_protocols",
    "smtp_tls_policy_maps",
    "smtp_tls_security_level",
)
OLDEST = (3, 4)  # the first with servername= in a policy
OLDEST_FOR_TLSRPT = (3, 10)  # the first with policy_string= and the like
TLSRPT_PROFILE = "postfix-3.10"

# smtp_tls_security_level from weak to strong, as far as an answer "dane" compares with them.
_LEVELS = ("none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure")
_MODERN = ("TLSv1.2", "TLSv1.3")
_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", *_MODERN)
# In the form that every Postfix takes: ">=TLSv1.2" is fatal before 3.6.
_ONLY_MODERN = (
    "postconf -e 'smtp_tls_mandatory_protocols = "
    + ", ".join(f"!{version}" for version in _VERSIONS if version not in _MODERN)
    + "'"
)

_SOCKETMAP = re.compile(
    r"socketmap:(?:unix:(?P<path>[^:\s,]+)|(?P<inet>inet:(?:\[[^]\s]+\]|[^:\s,]+):[^:\s,]+))"
    r":(?P<map>[^:\s,]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketmapFact:
    """An entry of smtp_tls_policy_maps; ``path`` is empty for TCP."""

    place: str
    map_name: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostfixFacts:
    """What postconf said; ``is_chrooted`` is None when it does not tell of the smtp service.

    ``is_reachable`` says of each UNIX socket in smtp_tls_policy_maps whether there is one where
    Postfix will look for it, which in a chroot is below its queue; ``missing_files`` are those
    of the CA parameters that are not there.
    """

    settings: Mapping[str, str]
    is_chrooted: bool | None = None
    is_reachable: Mapping[str, bool | None] = field(default_factory=dict)
    missing_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the configuration of mailseal supposes of Postfix; ``zones`` is profiles by name."""

    zones: Mapping[str, str]
    mta_default: str
    has_dane: bool


def socketmaps(policy_maps: str) -> tuple[SocketmapFact, ...]:
    """Return the socketmap entries of smtp_tls_policy_maps."""
    return tuple(
        SocketmapFact(
            place=f"unix:{match['path']}" if match["path"] else match["inet"],
            map_name=match["map"],
            path=match["path"] or "",
        )
        for match in _SOCKETMAP.finditer(policy_maps)
    )


def judge_postfix(facts: PostfixFacts, expected: Expected) -> Iterator[Finding]:
    """Compare main.cf with what mailseal answers."""
    settings = facts.settings
    maps = socketmaps(settings.get("smtp_tls_policy_maps", ""))
    if not maps:
        yield Finding(
            code="postfix-does-not-ask",
            status=Status.ERROR,
            seen="smtp_tls_policy_maps has no socketmap, so this Postfix asks nobody",
            remedy="postconf -e smtp_tls_policy_maps=socketmap:inet:127.0.0.1:8461:postfix",
        )
    for one in maps:
        yield _judge_map(one, settings.get("mail_version", ""), expected)
        if one.path:
            yield _judge_socket(one, facts)
    yield _judge_dnssec(settings, expected)
    yield _judge_authorities(facts)
    yield _judge_level(settings, expected)
    yield _judge_protocols(settings)


def _judge_map(one: SocketmapFact, version: str, expected: Expected) -> Finding:
    profile = expected.zones.get(one.map_name)
    if profile is None:
        return Finding(
            code="postfix-unknown-map",
            status=Status.ERROR,
            seen=f'smtp_tls_policy_maps asks for the map "{one.map_name}", which mailseal does '
            "not have: all mail is deferred",
            remedy=f"write one of {', '.join(expected.zones)} at its end",
        )
    number = _version(version)
    if number is None:
        return Finding(
            code="postfix-version-unknown",
            status=Status.UNKNOWN,
            seen=f"mail_version is {version[:40]!r}",
            remedy="see whether postconf mail_version works",
        )
    needed = OLDEST_FOR_TLSRPT if profile == TLSRPT_PROFILE else OLDEST
    if number < needed:
        older = ".".join(map(str, needed))
        return Finding(
            code="postfix-too-old",
            status=Status.ERROR,
            seen=f'Postfix {version} does not understand what the map "{one.map_name}" answers '
            f"(profile {profile} needs {older})",
            remedy='write "postfix" at the end of smtp_tls_policy_maps'
            if number >= OLDEST
            else f"upgrade Postfix to {older} or later",
        )
    return ok("postfix-asks", f'Postfix {version} asks for the map "{one.map_name}"')


def _judge_socket(one: SocketmapFact, facts: PostfixFacts) -> Finding:
    is_reachable = facts.is_reachable.get(one.path)
    inside = " in its chroot" if facts.is_chrooted else ""
    if is_reachable is None:
        return Finding(
            code="postfix-socket-unseen",
            status=Status.UNKNOWN,
            seen=f"{one.place}{inside} cannot be looked at by this user",
            remedy="run this as root",
        )
    if not is_reachable:
        queue = facts.settings.get("queue_directory", "/var/spool/postfix")
        return Finding(
            code="postfix-socket-missing",
            status=Status.ERROR,
            seen=f"Postfix looks for {one.place}{inside}, and there is no socket",
            remedy=f"let mailseal listen at unix:{queue}/{one.path.lstrip('/')}"
            if facts.is_chrooted or not one.path.startswith("/")
            else "name the same path in [[listen]] and in smtp_tls_policy_maps",
        )
    return ok("postfix-socket", f"Postfix finds the socket {one.path}{inside}")


def _judge_dnssec(settings: Mapping[str, str], expected: Expected) -> Finding:
    level = settings.get("smtp_dns_support_level", "")
    lookups = re.split(r"[\s,]+", settings.get("smtp_host_lookup", "dns"))
    is_able = level == "dnssec" and "dns" in lookups
    if not expected.has_dane:
        return ok("postfix-dnssec", "DANE is off by configuration, so Postfix needs no DNSSEC")
    if not is_able:
        return Finding(
            code="postfix-without-dnssec",
            status=Status.ERROR,
            seen=f'smtp_dns_support_level is "{level}" and smtp_host_lookup is '
            f'"{", ".join(lookups)}": all mail that is answered dane-only is deferred',
            remedy="postconf -e smtp_dns_support_level=dnssec smtp_host_lookup=dns; "
            "or set enabled = false in [dane]",
        )
    return ok("postfix-dnssec", "Postfix does DNSSEC")


def _judge_authorities(facts: PostfixFacts) -> Finding:
    named = [
        value
        for name in ("smtp_tls_CAfile", "smtp_tls_CApath")
        if (value := facts.settings.get(name, ""))
    ]
    if not named or set(named) <= set(facts.missing_files):
        seen = f"{', '.join(named)} does not exist" if named else "neither is set"
        return Finding(
            code="postfix-without-authorities",
            status=Status.ERROR,
            seen=f"smtp_tls_CAfile and smtp_tls_CApath: {seen}; no certificate can be verified, "
            "and mail to every domain with an enforced policy is deferred",
            remedy="postconf -e smtp_tls_CAfile=/etc/ssl/certs/ca-certificates.crt",
        )
    return ok("postfix-authorities", f"Postfix verifies certificates by {', '.join(named)}")


def _judge_level(settings: Mapping[str, str], expected: Expected) -> Finding:
    level = settings.get("smtp_tls_security_level", "") or "none"
    told = expected.mta_default
    if level not in _LEVELS:
        return Finding(
            code="postfix-level-unknown",
            status=Status.UNKNOWN,
            seen=f'smtp_tls_security_level is "{level[:40]}"',
            remedy="set it to may or dane",
        )
    if level == "none":
        return Finding(
            code="postfix-without-tls",
            status=Status.WARNING,
            seen="smtp_tls_security_level is none: domains without a policy get no TLS at all",
            remedy="postconf -e smtp_tls_security_level=may",
        )
    if _is_dane_or_more(level) and not _is_dane_or_more(told):
        weakens = level != "dane"
        return Finding(
            code="postfix-level-weakened" if weakens else "postfix-level-differs",
            status=Status.ERROR if weakens else Status.WARNING,
            seen=f"smtp_tls_security_level is {level}, but mta_default in [answers] is {told}"
            + (": an answer dane would weaken it" if weakens else ""),
            remedy=f'set mta_default = "{level if level != "fingerprint" else "secure"}" '
            "in [answers]",
        )
    if _is_dane_or_more(told) and not _is_dane_or_more(level):
        return Finding(
            code="postfix-level-missing",
            status=Status.ERROR,
            seen=f"mta_default in [answers] is {told}, but smtp_tls_security_level is {level}: "
            "mailseal leaves to main.cf what main.cf does not do",
            remedy=f'set mta_default = "{level}" in [answers]',
        )
    return ok("postfix-level", f"smtp_tls_security_level is {level}, as mailseal supposes")


def _is_dane_or_more(level: str) -> bool:
    return _LEVELS.index(level) >= _LEVELS.index("dane")


def _judge_protocols(settings: Mapping[str, str]) -> Finding:
    text = settings.get("smtp_tls_mandatory_protocols", "")
    allowed = allowed_versions(text)
    if not set(_MODERN) & set(allowed):
        return Finding(
            code="postfix-without-tls-1.2",
            status=Status.ERROR,
            seen=f'smtp_tls_mandatory_protocols is "{text}", which leaves out TLS 1.2 and 1.3',
            remedy=_ONLY_MODERN,
        )
    if allowed[0] not in _MODERN:
        return Finding(
            code="postfix-allows-old-tls",
            status=Status.WARNING,
            seen=f'smtp_tls_mandatory_protocols is "{text}", so mail that a policy or DANE secures '
            f"may go over {allowed[0]}",
            remedy=_ONLY_MODERN,
        )
    return ok("postfix-protocols", f"Postfix speaks {' and '.join(allowed[-2:])}")


def allowed_versions(text: str) -> tuple[str, ...]:
    """Read a list of TLS versions as Postfix does: ``>=TLSv1.2``, ``!SSLv3``, ``TLSv1.2``.

    What names no version is passed over, since Postfix would have told long ago.
    """
    words = {version.lower(): number for number, version in enumerate(_VERSIONS)}
    low, high = 0, len(_VERSIONS) - 1
    named: set[int] = set()
    excluded: set[int] = set()
    for word in re.split(r"[\s,:]+", text.lower()):
        bare = word.lstrip("!<>=")
        if bare not in words:
            continue
        if word.startswith(">="):
            low = words[bare]
        elif word.startswith("<="):
            high = words[bare]
        elif word.startswith("!"):
            excluded.add(words[bare])
        else:
            named.add(words[bare])
    return tuple(
        version
        for number, version in enumerate(_VERSIONS)
        if low <= number <= high and number not in excluded and (not named or number in named)
    )


def _version(text: str) -> tuple[int, int] | None:
    match = re.match(r"(\d{1,3})\.(\d{1,3})", text)
    return (int(match[1]), int(match[2])) if match else None
