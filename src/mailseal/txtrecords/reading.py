"""What came out of reading all TXT records of one answer: a record or none, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Never, TypeVar

import mailseal
from mailseal.deviations import Deviation

MAX_DEVIATIONS = 50  # ours: nobody reads more, and a report has to end
# The code where no record counts; without a line, none was meant to.
NO_RECORD = "no-usable-record"

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class RecordSyntaxError(mailseal.Error):
    """The TXT records give no record that counts; ``deviation`` is what decided."""

    def __init__(self, deviation: Deviation) -> None:
        where = "TXT records" if deviation.line is None else f"TXT record {deviation.line}"
        super().__init__(f"{where}: {deviation.message}")
        self.deviation = deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReading(Generic[R_co]):
    """The one record, or None where none counts, and every deviation.

    The deviation that decided against a record comes first; ``line`` counts the TXT records.
    """

    record: R_co | None
    deviations: tuple[Deviation, ...] = ()

    @property
    def is_meant(self) -> bool:
        """Tell whether any was meant to be one of the standard's, well-formed or not.

        What else may stand at the name, a wildcard's record for example, is no try at it.
        """
        if self.record is not None or not self.deviations:
            return self.record is not None
        return self.deviations[0].code != NO_RECORD or self.deviations[0].line is not None

    def require(self) -> R_co:
        """Return the record or raise ``RecordSyntaxError``."""
        if self.record is None:
            raise RecordSyntaxError(self.deviations[0])
        return self.record


def accept(record: R, notes: Iterable[Deviation]) -> RecordReading[R]:
    """Return a record with as many deviations as are told."""
    return RecordReading(record=record, deviations=tuple(islice(notes, MAX_DEVIATIONS)))


def refuse(deciding: Deviation, notes: Iterable[Deviation]) -> RecordReading[Never]:
    """Return that no record counts, with the deviation first that decided it."""
    return RecordReading(record=None, deviations=(deciding, *islice(notes, MAX_DEVIATIONS - 1)))
