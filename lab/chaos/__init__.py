"""``make chaos``: mailseal under every misfortune at once or one after the other, and measured.

All the time clients ask for known domains as Postfix does, and every answer is judged: a wrong
one, or one that had to be given up, is a failure, as is memory that grows past its bound or a
policy that is gone.
"""

from lab.chaos.figures import SHORT, WHOLE, Figures, Scale, render
from lab.chaos.phases import Chaos
from lab.chaos.surroundings import jump_clock, lose_database, lose_log
from lab.chaos.world import running
from lab.internet import Lab

__all__ = ["SHORT", "WHOLE", "Figures", "Scale", "render", "run"]


def run(lab: Lab, scale: Scale) -> list[Figures]:
    """Do it all; return the figures."""
    with running(lab, "chaos") as daemon:
        figures = Chaos(lab, daemon, scale).run()
    lose_log(lab, scale, figures)
    jump_clock(lab, scale, figures)
    lose_database(lab, scale, figures)
    return figures
