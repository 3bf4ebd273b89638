"""The processes that others start: the resolver, what checks domains for it, a scan's prober."""

import sys

from mailseal.faces.logstream import take_over_stderr
from mailseal.wiring.prober import PROBER, run_prober
from mailseal.wiring.processes import CHECKER, run_checker, run_resolver

take_over_stderr()
if sys.argv[1:2] == [CHECKER]:
    sys.exit(run_checker(sys.argv[2:]))
if sys.argv[1:2] == [PROBER]:
    sys.exit(run_prober(sys.argv[2:]))
sys.exit(run_resolver(sys.argv[1:]))
