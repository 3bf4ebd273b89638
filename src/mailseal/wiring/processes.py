"""The processes of ``serve``, each with what it is to work with."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailseal.wiring.checking import open_checker
from mailseal.wiring.logs import set_up_logging
from mailseal.wiring.service import open_service

if TYPE_CHECKING:
    import contextlib

    from mailseal.config import Config
    from mailseal.faces.policyd.answerer import Plan
    from mailseal.names import Domain
    from mailseal.services.checker import Checker
    from mailseal.services.policyservice import PolicyService

CHECKER = "checker"  # the argument that makes a process the one that checks domains
_OURSELVES = (sys.executable, "-m", "mailseal.wiring")


def serve(config: "Config", read_config: "Callable[[], Config]") -> int:
    """Run the policy service until a signal ends it; return the exit status.

    ``read_config`` reads the configuration anew for a reload; it raises ``ConfigError``.
    """
    from mailseal.config import ConfigError, take_handover
    from mailseal.faces.policyd import plan, privileges, process
    from mailseal.faces.policyd.servicemanager import Notifier

    handover = take_handover()
    passed = plan.adopt(handover.sockets)

    def read_plan() -> "Plan":
        try:
            return plan.make_plan(read_config(), passed)
        except ConfigError as error:
            raise process.UnusablePlanError(
                tuple(f"{error.source}: {problem}" for problem in error.problems)
            ) from error

    first = plan.make_plan(config, passed)
    return process.run(
        first.config,
        _OURSELVES,
        first.hello,
        process.Surroundings(
            notifier=Notifier(handover.notify_socket, watchdog_seconds=handover.watchdog_seconds),
            read_plan=read_plan,
            when_open=lambda: privileges.become(
                config.process.user, config.process.group, state_dir=config.state_dir
            ),
        ),
    )


def run_resolver(arguments: Sequence[str]) -> int:
    """Be the resolver process; the arguments are its end of the link, and open sockets."""
    from mailseal.faces.policyd import resolver

    def open_logged(
        config: "Config", on_change: "Callable[[Domain], None]"
    ) -> "contextlib.AbstractAsyncContextManager[PolicyService]":
        set_up_logging(config.log)
        return open_service(config, on_change, has_watch=config.monitor.enabled)

    return resolver.run(arguments, open_logged, [*_OURSELVES, CHECKER])


def run_checker(arguments: Sequence[str]) -> int:
    """Be the process that checks domains; the argument is its end of the link."""
    from mailseal.faces.http.checks import worker

    def open_logged(config: "Config") -> "contextlib.AbstractAsyncContextManager[Checker]":
        set_up_logging(config.log)
        return open_checker(config)

    return worker.run(arguments, open_logged)
