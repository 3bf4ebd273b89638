"""Resolvers, clock, trust store and the state folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailseal.dane.validation import TestResult, Validation, together
from mailseal.doctor.finding import Finding, Status, ok

# A file or policy may be dated this much ahead: time zones of copied files, other machines.
CLOCK_TOLERANCE = timedelta(minutes=5)
_RUN_ONE = "run a validating resolver such as unbound on this machine and name it in [dns]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverFact:
    """A resolver of the configuration, tested; whether its word on validation is trusted.

    ``zones`` are those that have it for their own, none for one of the whole service.
    """

    address: str
    is_trusted: bool
    result: TestResult
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """The clock, and dates that cannot lie behind it; ``dated`` has each with what bears it.

    ``is_synchronised`` is the kernel's word, None when it gives none.
    """

    now: datetime
    dated: tuple[tuple[str, datetime], ...] = ()
    is_synchronised: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStoreFact:
    """The authorities that policy hosts are checked against, or why there are none."""

    source: str
    authorities: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFact:
    """The state folder; ``mode`` is None where it does not exist, ``error`` why it is not seen."""

    path: str
    mode: int | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFileFact:
    """The configuration file, and whether a password stands in it."""

    path: str
    mode: int
    has_secret: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketFact:
    """A UNIX socket of the service; ``is_control`` is the one that only it and root may open."""

    path: str
    mode: int
    is_control: bool = False


def judge_resolvers(resolvers: Sequence[ResolverFact], *, has_dane: bool) -> Iterator[Finding]:
    """Say of each resolver what its test proved, and whether there is DANE at all."""
    for one in resolvers:
        name = f"resolver {one.address}{_of(one.zones)}"
        if one.result.validation is Validation.PROVEN and one.is_trusted:
            yield ok("resolver-validates", f"{name} answers and validates")
        elif one.result.validation is Validation.UNPROVEN:
            yield Finding(
                code="resolver-silent",
                status=Status.WARNING,
                seen=f"{name} has not answered its test: {one.result.reason}",
                remedy="see whether it runs and may be asked from here, or do without it",
            )
        elif not one.is_trusted:
            yield Finding(
                code="resolver-untrusted",
                status=Status.WARNING if has_dane else Status.OK,
                seen=f"{name} is beyond this machine and not in [dns] trust_ad, "
                "so its answers never count as validated",
                remedy=_RUN_ONE if has_dane else "",
            )
        else:
            yield Finding(
                code="resolver-does-not-validate",
                status=Status.ERROR if has_dane else Status.OK,
                seen=f"{name} does not validate: {one.result.reason}",
                remedy="turn DNSSEC validation on in it (unbound: auto-trust-anchor-file; "
                "systemd-resolved: DNSSEC=yes), or use another one"
                if has_dane
                else "",
            )
    views: dict[tuple[str, ...], list[Validation]] = {(): []}
    for one in resolvers:
        views.setdefault(one.zones, [])
        if one.is_trusted:
            views[one.zones].append(one.result.validation)
    for zones, seen in views.items():
        if has_dane and together(seen) is Validation.DISPROVEN:
            yield Finding(
                code="dane-is-off",
                status=Status.ERROR,
                seen=f"no trusted resolver validates, so DANE{_of(zones)} is off",
                remedy=f"{_RUN_ONE}; or set enabled = false in [dane]",
            )


def _of(zones: tuple[str, ...]) -> str:
    return f" of zone {', '.join(zones)}" if zones else ""


def judge_clock(clock: ClockFacts) -> Iterator[Finding]:
    """Say whether the clock can be right; certificates and policies are judged by it."""
    ahead = [(name, when) for name, when in clock.dated if when > clock.now + CLOCK_TOLERANCE]
    if ahead:
        name, when = max(ahead, key=lambda pair: pair[1])
        yield Finding(
            code="clock-behind",
            status=Status.ERROR,
            seen=f"it is {clock.now:%Y-%m-%dT%H:%M:%SZ} by the clock, but {name} is dated "
            f"{when:%Y-%m-%dT%H:%M:%SZ}",
            remedy="set the clock, and keep it right with chrony or systemd-timesyncd",
        )
    elif clock.is_synchronised is False:
        yield Finding(
            code="clock-not-synchronised",
            status=Status.WARNING,
            seen="the kernel says that nothing keeps the clock right",
            remedy="run chrony or systemd-timesyncd",
        )
    elif clock.is_synchronised is None:
        yield Finding(
            code="clock-unknown",
            status=Status.UNKNOWN,
            seen="the clock is plausible, but nobody says whether it is kept right",
            remedy="see that this machine, or its host, is synchronised (timedatectl)",
        )
    else:
        yield ok("clock-synchronised", "the clock is plausible and kept right")


def judge_trust_store(store: TrustStoreFact) -> Iterator[Finding]:
    """Say whether a policy host's certificate could be verified at all."""
    if store.error or not store.authorities:
        yield Finding(
            code="trust-store-unusable",
            status=Status.ERROR,
            seen=f"{store.source}: {store.error or 'no certificate authority in it'}",
            remedy="install ca-certificates, or set ca_file in [https]",
        )
    else:
        yield ok("trust-store", f"{store.source} has {store.authorities} certificate authorities")


def judge_state_folder(folder: FolderFact) -> Iterator[Finding]:
    """Say whether the state folder is there, and nobody else's to read or write."""
    if folder.error:
        yield Finding(
            code="state-folder-unseen",
            status=Status.UNKNOWN,
            seen=f"{folder.path}: {folder.error}",
            remedy="run this as root or as the service's user",
        )
    elif folder.mode is None:
        yield Finding(
            code="state-folder-missing",
            status=Status.ERROR,
            seen=f"{folder.path} does not exist",
            remedy="start the service once, which makes it, or see whether state_dir is right",
        )
    elif folder.mode & 0o022:
        yield Finding(
            code="state-folder-open",
            status=Status.ERROR,
            seen=f"{folder.path} can be written by others (mode {folder.mode:04o})",
            remedy=f"chmod 0700 {folder.path}",
        )
    elif folder.mode & 0o055:
        yield Finding(
            code="state-folder-readable",
            status=Status.WARNING,
            seen=f"{folder.path} can be read by others (mode {folder.mode:04o}): they learn whom "
            "this machine writes to",
            remedy=f"chmod 0700 {folder.path}",
        )
    else:
        yield ok("state-folder", f"{folder.path} is the service's alone")


def judge_config_file(file: ConfigFileFact) -> Finding:
    """Say whether others may change what the service does, or read a password."""
    if file.mode & 0o022:
        return Finding(
            code="config-open",
            status=Status.ERROR,
            seen=f"{file.path} can be written by others (mode {file.mode:04o}), who could turn "
            "all protection off",
            remedy=f"chmod go-w {file.path}",
        )
    if file.has_secret and file.mode & 0o004:
        return Finding(
            code="config-readable",
            status=Status.WARNING,
            seen=f"{file.path} has a password in it and can be read by others "
            f"(mode {file.mode:04o})",
            remedy=f"give it the service's group, then chmod o-r {file.path}",
        )
    return ok("config-file", f"{file.path} has the right mode")


def judge_socket(fact: SocketFact) -> Finding:
    """Say whether those may open a socket who should; to connect takes the right to write."""
    if fact.is_control and fact.mode & 0o077:
        return Finding(
            code="control-socket-open",
            status=Status.ERROR,
            seen=f"{fact.path} can be opened by others (mode {fact.mode:04o}), who could purge "
            "policies",
            remedy="restart the service, which makes it anew, and find out who changed it",
        )
    if not fact.is_control and not fact.mode & 0o022:
        return Finding(
            code="listener-closed",
            status=Status.WARNING,
            seen=f"{fact.path} can be opened by its owner alone (mode {fact.mode:04o})",
            remedy="set mode, or owner and group, of that [[listen]], unless the mail server "
            "runs as its owner",
        )
    return ok("socket-modes", f"{fact.path} has the right mode")
