"""Results of entries that nothing was found out about: they have nothing but the reason.

A summary counts them by what stands in front of the first colon.
"""

from mailseal.names import Domain
from mailseal.scans.listing import Item
from mailseal.scans.result import Result

NO_NAME = "no domain name"
OPTED_OUT = "opted out"
FAILED = "failed"


def no_name(item: Item) -> Result:
    """Return the result of an entry that is no domain."""
    return Result(number=item.number, domain=item.text, fault=f"{NO_NAME}: {item.fault}")


def opted_out(number: int, domain: Domain) -> Result:
    """Return the result of a domain that has asked to be left alone."""
    return Result(number=number, domain=str(domain), fault=OPTED_OUT)


def failed(number: int, domain: Domain, error: Exception) -> Result:
    """Return the result of a domain that brought out a mistake of ours."""
    fault = f"{FAILED}: {type(error).__name__}"
    return Result(number=number, domain=str(domain), fault=fault)
