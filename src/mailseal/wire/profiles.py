"""The profiles: which MTA wants which form of answer, and how long it will wait for one."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Protocol

from mailseal.decision import DeliveryPolicy
from mailseal.wire import exim, postfix, sendmail

POSTFIX_DEADLINE = timedelta(seconds=10)  # Postfix waits for 100 s, but so does the mail
SENDMAIL_DEADLINE = timedelta(seconds=4)  # FEATURE(sts) gives the map 5 s
EXIM_DEADLINE = timedelta(seconds=6)  # the recipe gives ${readsocket} 8 s


class ProfileName(enum.StrEnum):
    """The forms of answer; each belongs to an MTA."""

    POSTFIX = "postfix"
    POSTFIX_3_10 = "postfix-3.10"
    SENDMAIL = "sendmail"
    EXIM = "exim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A form of answer: how to write it, and when it must be there."""

    render: Callable[[DeliveryPolicy], bytes]
    deadline: timedelta


def profiles(
    *, testing: postfix.TestingAnswer = postfix.TestingAnswer.NOTFOUND, sni: bool = True
) -> Mapping[ProfileName, Profile]:
    """Return the profiles; ``testing`` is what policies in mode ``testing`` are answered with.

    Without ``sni`` Postfix gets no ``servername=``; Sendmail and Exim need it.
    """
    plain = partial(postfix.render, with_tlsrpt=False, sni=sni)
    full = partial(postfix.render, with_tlsrpt=True, testing=testing, sni=sni)
    return MappingProxyType(
        {
            ProfileName.POSTFIX: Profile(render=plain, deadline=POSTFIX_DEADLINE),
            ProfileName.POSTFIX_3_10: Profile(render=full, deadline=POSTFIX_DEADLINE),
            ProfileName.SENDMAIL: Profile(render=sendmail.render, deadline=SENDMAIL_DEADLINE),
            ProfileName.EXIM: Profile(render=exim.render, deadline=EXIM_DEADLINE),
        }
    )


class ZoneChoices(Protocol):
    """What a zone chooses about its answers."""

    @property
    def profile(self) -> ProfileName:
        """The form of its answers."""
        ...

    @property
    def strict_testing(self) -> bool:
        """Whether a policy in mode testing counts as one in mode enforce."""
        ...

    @property
    def sni(self) -> bool:
        """Whether ``servername=hostname`` is sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneForm:
    """How a zone is answered; ``is_plain`` when no differently than its profile says."""

    render: Callable[[DeliveryPolicy], bytes]
    strict_testing: bool
    is_plain: bool


def zone_forms(
    zones: Mapping[str, ZoneChoices], *, testing: postfix.TestingAnswer
) -> Mapping[str, ZoneForm]:
    """Return how each zone is answered, by its name."""
    with_sni, without = profiles(testing=testing), profiles(testing=testing, sni=False)
    return {
        name: ZoneForm(
            render=(with_sni if zone.sni else without)[zone.profile].render,
            strict_testing=zone.strict_testing,
            is_plain=zone.sni and not zone.strict_testing,
        )
        for name, zone in zones.items()
    }


PROFILES = profiles()

# Map names that clients of other daemons, and their habits, already have in their files.
DEFAULT_MAPS: Mapping[str, ProfileName] = MappingProxyType(
    {
        "postfix": ProfileName.POSTFIX,
        "postfix-3.10": ProfileName.POSTFIX_3_10,
        "postfix-tlsrpt": ProfileName.POSTFIX_3_10,
        "sendmail": ProfileName.SENDMAIL,
        "sts": ProfileName.SENDMAIL,  # what Sendmail's FEATURE(`sts') sends
        "QUERY": ProfileName.POSTFIX,  # in place of postfix-tlspol
        "QUERYwithTLSRPT": ProfileName.POSTFIX_3_10,
        "exim": ProfileName.EXIM,
    }
)
