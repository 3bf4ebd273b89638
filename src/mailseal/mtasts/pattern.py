"""The ``mx`` patterns of a policy, and which MX hosts they cover (RFC 8461 §3.2, §4.1)."""

import re
from dataclasses import dataclass
from typing import Self

import mailseal
from mailseal.names import MAX_NAME_BYTES
from mailseal.quoting import quote

# RFC 5321 §4.1.2: sub-domain = Let-dig [Ldh-str]; no underscore, although MX hosts have them.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


class PatternSyntaxError(mailseal.Error):
    """A text is no mx pattern: neither a domain name nor ``*.`` in front of one."""


class AddressPatternError(PatternSyntaxError):
    """The pattern ends in a number, as addresses do; no MX host can have such a name."""


@dataclass(frozen=True, slots=True)
class MxPattern:
    """One ``mx`` value: a host name, or ``*.`` and the name that hosts stand right below.

    ``text`` is lower case without a final dot. Make one with ``MxPattern.parse``; the
    constructor trusts its argument.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; letters become lower case, one final dot is dropped.

        Raises ``PatternSyntaxError`` for everything else that is outside the grammar.
        """
        if len(text) > MAX_NAME_BYTES + len("*.") + 1 or not text.isascii():
            raise PatternSyntaxError(f"{quote(text)} is not a domain name in A-labels")
        # spec: 8461 §3.2 has no final dot; it can mean one thing only, and to refuse would be a
        # downgrade.
        pattern = text.lower().removesuffix(".")
        name = pattern.removeprefix("*.")
        labels = name.split(".")
        if len(name) > MAX_NAME_BYTES or not all(_LABEL.fullmatch(label) for label in labels):
            raise PatternSyntaxError(f'{quote(text)} is neither a domain name nor "*." and one')
        if labels[-1].isdigit():
            # spec: 8461 §3.2 takes its names from RFC 5321, whose grammar 192.0.2.1 passes. An
            # MTA would compare it with addresses, so it must never reach a match list.
            raise AddressPatternError(f"{quote(text)} ends in a number, like an address")
        return cls(pattern)

    def __str__(self) -> str:
        return self.text

    @property
    def is_wildcard(self) -> bool:
        """Tell whether the pattern begins with ``*.``."""
        return self.text.startswith("*.")

    @property
    def is_usable(self) -> bool:
        """Tell whether the pattern may be handed to an MTA.

        A single label may not: no public MX host has such a name, and in Postfix's match list
        ``hostname``, ``nexthop`` and ``dot-nexthop`` are strategies. ``*.com`` covers hosts
        such as ``example.com``.
        """
        return "." in self.text

    def matches(self, host: str) -> bool:
        """Tell whether this pattern covers an MX host (RFC 8461 §4.1).

        ``host`` is a lower-case A-label name without a trailing dot. A wildcard
        stands for exactly one left-most label, so ``*.example.net`` covers
        ``mx1.example.net`` but neither ``example.net`` nor ``a.b.example.net``.
        """
        if not self.is_wildcard:
            return host == self.text
        label, dot, parent = host.partition(".")
        return bool(label and dot) and parent == self.text[2:]
