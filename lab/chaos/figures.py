"""What a run of misfortunes measures, how much there is of each, and the table it ends in."""

from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_MEMORY_BYTES = 400 * 1024 * 1024  # ours: of both processes, with 50 000 answers in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of each misfortune there is."""

    kills: int = 40
    pause_seconds: tuple[float, float] = (1.0, 5.0)
    black_hole_seconds: float = 60.0
    fault_seconds: float = 5.0
    idle_clients: int = 1000
    hostile_clients: int = 100
    random_keys: int = 200_000
    database_seconds: float = 10.0


WHOLE = Scale()
SHORT = Scale(
    kills=6,
    pause_seconds=(1.0, 2.0),
    black_hole_seconds=5.0,
    fault_seconds=1.0,
    idle_clients=200,
    hostile_clients=20,
    random_keys=2000,
    database_seconds=2.0,
)


@dataclass(slots=True)
class Figures:
    """What happened in one phase: the look-ups of known domains meanwhile, and more."""

    name: str
    seconds: float = 0.0
    asked: int = 0
    slowest_seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory_bytes: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Tell whether everything was as it should be."""
        return not self.failed and not self.wrong and self.memory_bytes <= MAX_MEMORY_BYTES


def render(figures: Iterable[Figures]) -> str:
    """Write the figures as a table in Markdown."""
    lines = [
        "| misfortune | for | look-ups of known domains | slowest | failed | wrong | memory | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.seconds:.0f} s | {one.asked} | {one.slowest_seconds * 1000:.0f} ms "
        f"| {len(one.failed)} | {len(one.wrong)} | {megabytes(one.memory_bytes)} "
        f"| {', '.join(one.remarks)} |"
        for one in figures
    ]
    return "\n".join(lines) + "\n"


def megabytes(size: int) -> str:
    """Write a size."""
    return f"{size / 1024 / 1024:.0f} MB"
