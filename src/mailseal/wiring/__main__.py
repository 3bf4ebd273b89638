"""The resolver process, as the answerer starts it."""

import sys

from mailseal.wiring.processes import run_resolver

sys.exit(run_resolver(sys.argv[1:]))
