"""Where log events go, and in which form."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailseal.config import LogSettings


def set_up_logging(settings: "LogSettings") -> None:
    """Let every module log to standard error in the form that the configuration asks for."""
    import logging

    import structlog

    from mailseal.config import LogFormat
    from mailseal.faces import logline

    render = logline.render_json if settings.format is LogFormat.JSON else logline.render_text
    level = logline.LEVELS[settings.level]

    def write_out(_logger: object, _method: str, fields: structlog.typing.EventDict) -> str:
        event, severity = str(fields.pop("event")), str(fields.pop("level"))
        trace = fields.pop("exception", "")
        line = render(datetime.now(UTC), severity, event, fields)
        return f"{line}\n{trace}" if trace else line

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, write_out],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries, and the store, use the standard library's loggers.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, write_out],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
