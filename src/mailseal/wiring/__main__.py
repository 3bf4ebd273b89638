"""The processes that ``serve`` starts: the resolver, and what checks domains for it."""

import sys

from mailseal.faces.logstream import take_over_stderr
from mailseal.wiring.processes import CHECKER, run_checker, run_resolver

take_over_stderr()
if sys.argv[1:2] == [CHECKER]:
    sys.exit(run_checker(sys.argv[2:]))
sys.exit(run_resolver(sys.argv[1:]))
