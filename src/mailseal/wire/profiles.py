"""The profiles: which MTA wants which form of answer, and how long it will wait for one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType

from mailseal.decision import DeliveryPolicy
from mailseal.wire import exim, postfix, sendmail

POSTFIX_DEADLINE = timedelta(seconds=10)  # Postfix waits for 100 s, but so does the mail
SENDMAIL_DEADLINE = timedelta(seconds=4)  # FEATURE(sts) gives the map 5 s
EXIM_DEADLINE = timedelta(seconds=6)  # the recipe gives ${readsocket} 8 s

Render = Callable[[DeliveryPolicy], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A form of answer: how to write it, and when it must be there."""

    render: Render
    deadline: timedelta


def _table(testing: postfix.TestingAnswer) -> dict[str, Profile]:
    plain = partial(postfix.render, with_tlsrpt=False)
    full = partial(postfix.render, with_tlsrpt=True, testing=testing)
    return {
        "postfix": Profile(render=plain, deadline=POSTFIX_DEADLINE),
        "postfix-3.10": Profile(render=full, deadline=POSTFIX_DEADLINE),
        "sendmail": Profile(render=sendmail.render, deadline=SENDMAIL_DEADLINE),
        "exim": Profile(render=exim.render, deadline=EXIM_DEADLINE),
    }


PROFILES: Mapping[str, Profile] = MappingProxyType(_table(postfix.TestingAnswer.NOTFOUND))

# Map names that clients of other daemons, and their habits, already have in their files.
DEFAULT_MAPS: Mapping[str, str] = MappingProxyType(
    {
        "postfix": "postfix",
        "postfix-3.10": "postfix-3.10",
        "postfix-tlsrpt": "postfix-3.10",
        "sendmail": "sendmail",
        "sts": "sendmail",
        "QUERY": "postfix",
        "QUERYwithTLSRPT": "postfix-3.10",
        "exim": "exim",
    }
)


def profiles(*, testing: postfix.TestingAnswer) -> Mapping[str, Profile]:
    """Return the profiles with another answer to policies in mode ``testing``."""
    return MappingProxyType(_table(testing))
