"""The known mistakes by name: what programs tell apart where people read a sentence."""

import enum
from dataclasses import dataclass


class Cause(enum.StrEnum):
    """A mistake that many people have made; the values are stable."""

    # the whole file
    BYTE_ORDER_MARK = "byte-order-mark"
    UTF_16 = "utf-16"
    NOT_UTF_8 = "not-utf-8"
    COMPRESSED = "compressed"
    BARE_CR = "bare-cr"
    WEB_PAGE = "web-page"
    RTF = "rtf"
    JSON = "json"
    FRONT_MATTER = "front-matter"
    MARKDOWN_FENCE = "markdown-fence"
    TXT_RECORD = "txt-record"
    YAML_LIST = "yaml-list"
    INDENTED = "indented"
    WORKFLOW = "workflow"
    PROSE = "prose"
    OTHER_FILE = "other-file"
    # one line
    COMMENT = "comment"
    NO_COLON = "no-colon"
    BLANK_BEFORE_COLON = "blank-before-colon"
    QUOTES = "quotes"
    CONTROL_CHARACTER = "control-character"
    GLUED_LINES = "glued-lines"
    LITERAL_NEWLINE = "literal-newline"
    # one value
    MODE_WORD = "mode-word"
    MAX_AGE_UNIT = "max_age-unit"
    MX_ADDRESS = "mx-address"
    MX_EMPTY = "mx-empty"
    MX_LEADING_DOT = "mx-leading-dot"
    MX_LIST = "mx-list"
    MX_MAIL_ADDRESS = "mx-mail-address"
    MX_NULL = "mx-null"
    MX_PLACEHOLDER = "mx-placeholder"
    MX_PORT = "mx-port"
    MX_PREFERENCE = "mx-preference"
    MX_STAR = "mx-star"
    MX_U_LABEL = "mx-u-label"
    MX_UNDERSCORE = "mx-underscore"
    MX_URL = "mx-url"


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, in words for whoever wrote it; ``cause`` is None where it has no name."""

    cause: Cause | None
    words: str
    line: int | None = None

    def behind(self, seen: str) -> "Mistake":
        """Return the same mistake with what was seen in front of its words."""
        return Mistake(self.cause, seen + self.words, self.line)
