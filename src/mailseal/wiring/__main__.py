"""The resolver process, as the answerer starts it."""

import sys

from mailseal.faces.logstream import take_over_stderr
from mailseal.wiring.processes import run_resolver

take_over_stderr()
sys.exit(run_resolver(sys.argv[1:]))
