"""The tables of the lab's domains, as ``lab/README.md`` shows them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from lab.catalogue import catalogue
from lab.faults import faults
from lab.model import LabDomain, ZoneState

BEGIN = '<!-- "python -m lab table" writes this table -->'
END = "<!-- end of the table -->"
BEGIN_FAULTS = '<!-- "python -m lab table" writes this one, too -->'

MAX_HOSTS = 3  # ours: what a column has room for


def render_table() -> str:
    """Render the domains that senders meet as a Markdown table."""
    return _render(catalogue())


def render_faults() -> str:
    """Render the domains that are there to be found fault with."""
    return _render(faults())


def _render(domains: Iterable[LabDomain]) -> str:
    return "".join(f"{line}\n" for line in _lines(domains))


def _lines(domains: Iterable[LabDomain]) -> Iterator[str]:
    yield "| domain | DNS | MX hosts | what it shows | what `mailseal check` finds |"
    yield "|---|---|---|---|---|"
    for domain in domains:
        zone = domain.zone.name.lower()
        shows = domain.shows.replace("|", "\\|")
        yield f"| `{domain.name}` | {zone} | {_hosts(domain)} | {shows} | {_finds(domain)} |"


def _hosts(domain: LabDomain) -> str:
    if domain.zone in (ZoneState.ABSENT, ZoneState.FAILING, ZoneState.SILENT):
        return "–"
    records = [record.data for record in domain.more if record.rdtype == "MX"]
    named = [f"`{host.name}`" for host in domain.mx] + [f"`{data}`" for data in records]
    return ", ".join(named if len(named) <= MAX_HOSTS else [*named[:MAX_HOSTS], "…"])


def _finds(domain: LabDomain) -> str:
    counted = Counter(domain.finds)
    return "<br>".join(
        f"{find}{f' ×{times}' if times > 1 else ''}" for find, times in counted.items()
    )
