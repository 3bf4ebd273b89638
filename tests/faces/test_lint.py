"""``mailseal lint``: exit codes, the text for people, the JSON for programs, line by line too."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mailseal.faces.lint import lint
from mailseal.faces.lint_json import MAX_LINE_BYTES, MAX_MX_HOSTS

GOOD = (
    "version: STSv1\r\nmode: enforce\r\nmx: MX1.example.com\r\nmx: *.example.net\r\n"
    "max_age: 604800\r\n"
)
TOLERATED = GOOD.replace("MX1.example.com", "mx1.example.com.")
BAD = "version: STSv1\r\nmode: enforced\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n"


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    """Run ``lint`` with standard input."""
    return CliRunner().invoke(lint, arguments, input=stdin)


def run_batch(*lines: Any, command: str = "policy") -> tuple[int, list[dict[str, Any]]]:
    """Run a batch; a string is a line as it is, everything else becomes JSON."""
    asked = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    result = run(command, "--batch", stdin="".join(f"{line}\n" for line in asked))
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("body", "exit_code", "words"),
    [
        (GOOD, 0, "mailseal would use this policy.\n"),
        (TOLERATED, 0, "but some other senders refuse it"),
        (BAD, 1, "would not use this policy"),
        ("", 1, "would not use this policy"),
    ],
)
def test_a_policy_is_judged_by_exit_code_and_first_line(
    body: str, exit_code: int, words: str
) -> None:
    """0 is used, 1 is not, and the first line says so in words."""
    result = run("policy", "-", stdin=body)
    assert result.exit_code == exit_code
    assert words in result.stdout.splitlines(keepends=True)[0]


def test_the_text_for_a_policy_shows_what_was_read(tmp_path: Path) -> None:
    """A mail admin sees mode, lifetime and patterns, and nothing else on a perfect policy."""
    file = tmp_path / "mta-sts.txt"
    file.write_bytes(GOOD.encode())
    assert run("policy", str(file)).stdout == (
        "mailseal would use this policy.\n"
        "  mode     enforce\n"
        "  max_age  604800 seconds (7 days)\n"
        "  mx       mx1.example.com\n"
        "           *.example.net\n"
    )


def test_the_text_for_a_finding_has_line_remedy_and_clause() -> None:
    """Each finding is one line: severity, code, place, what was seen, what to do, clause."""
    assert run("policy", "-", stdin=BAD).stdout.splitlines()[1] == (
        'error bad-mode: line 2: mode is "enforced", expected enforce, testing or none. '
        'Write "mode: enforce", in lower case and with nothing behind it. (RFC 8461 §3.2)'
    )


def test_the_text_tells_which_hosts_are_covered() -> None:
    """--mx may be repeated, and answers for each host as it was given."""
    result = run("policy", "-", "--mx", "a.example.net", "--mx", "example.net.", stdin=GOOD)
    assert result.stdout.splitlines()[-2:] == [
        'covers "a.example.net": yes',
        'covers "example.net.": no',
    ]
    assert result.exit_code == 0


def test_a_stranger_cannot_act_through_the_text() -> None:
    """Escape sequences in a policy reach the terminal as words."""
    result = run("policy", "-", stdin="version: \u009b2J\nmode: \x1b[2J\nmx: \u202e\n")
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "\u009b" not in result.stdout


def test_json_for_a_policy_is_one_object() -> None:
    """The keys are a contract with other people's programs."""
    result = run("policy", "-", "--format", "json", stdin=GOOD)
    assert json.loads(result.stdout) == {
        "valid": True,
        "mode": "enforce",
        "mx": ["mx1.example.com", "*.example.net"],
        "max_age": 604800,
        "findings": [],
    }


def test_json_for_a_bad_policy_begins_with_the_deciding_finding() -> None:
    """Without a policy there is no mode, and the first finding's code is the reason."""
    answer = json.loads(run("policy", "-", "--format", "json", stdin="\n" + BAD).stdout)
    assert set(answer) == {"valid", "findings"}
    assert answer["valid"] is False
    assert answer["findings"][0]["code"] == "bad-mode"
    assert set(answer["findings"][0]) == {"code", "severity", "line", "message", "clause"}
    assert [finding["code"] for finding in answer["findings"][1:]] == ["blank-line"]


def test_json_shows_a_clamped_max_age() -> None:
    """max_age is in seconds as used."""
    body = GOOD.replace("604800", "9999999999")
    answer = json.loads(run("policy", "-", "--format", "json", stdin=body).stdout)
    assert answer["max_age"] == 31_557_600
    assert [(f["code"], f["severity"]) for f in answer["findings"]] == [
        ("max_age-above-bound", "error")
    ]


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("mx1.example.com", True),
        ("MX1.Example.COM.", True),
        ("b\u00fccher.example.net", True),  # becomes one A-label under the star
        ("mx_1.example.net", True),
        ("", False),
        (".", False),
        ("-", False),
        ("a..example.net", False),
        ("a" * 300 + ".example.net", False),
        ("\u00fc" * 20_000, False),
        ("\u0000", False),
        ("\ud800.example.net", False),  # half a surrogate pair, which no name can have
        ("192.0.2.1", False),
    ],
)
def test_any_text_may_be_asked_for_as_a_host(host: str, covered: bool) -> None:
    """A host in whatever form is covered or not, never an error; nothing is under a bad policy."""
    exit_code, answers = run_batch(
        {"body": GOOD, "mx_hosts": [host]}, {"body": BAD, "mx_hosts": [host]}
    )
    assert [answer["covers"] for answer in answers] == [{host: covered}, {host: False}]
    assert exit_code == 0


def test_a_record_is_judged() -> None:
    """Each argument is one TXT record; the good one among others counts."""
    result = run("record", "v=spf1 -all", "v=STSv1; id=20260301;")
    assert result.exit_code == 0
    assert result.stdout.startswith("mailseal would use this record.\n  id       20260301\n")
    assert "info other-record: record 1:" in result.stdout


def test_json_for_a_record_is_one_object() -> None:
    """A record has an id instead of a policy's fields."""
    result = run("record", "--format", "json", "v=STSv1; id=20260301;")
    assert json.loads(result.stdout) == {"valid": True, "id": "20260301", "findings": []}


@pytest.mark.parametrize("text", ["", "v=STSv1", "v=STSv1; id=\u00e9", "v=STSv1; id=a-b"])
def test_a_bad_record_exits_1(text: str) -> None:
    """1 says that no policy is available from this answer."""
    result = run("record", "--format", "json", text)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["valid"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ("policy",),  # neither a file nor --batch
        ("policy", "/nonexistent/mta-sts.txt"),
        ("policy", "/"),  # a directory
        ("policy", "a\0b"),
        ("policy", "--batch", "/nonexistent"),
        ("policy", "--batch", "--mx", "a.example"),  # the lines have their own hosts
        ("policy", "-", "--format", "xml"),
        ("record",),
        ("record", "--batch", "-", "-"),  # one file
        ("record", "--mx", "a.example", "v=STSv1; id=1"),  # a record has no hosts
        ("nonsense",),
    ],
)
def test_wrong_usage_exits_2_and_says_why(arguments: tuple[str, ...]) -> None:
    """2 is never a verdict, and nothing goes to standard output."""
    result = run(*arguments, stdin=GOOD)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""


def test_a_policy_that_is_too_large_is_refused_unread() -> None:
    """No more than a byte beyond the limit is read."""
    answer = json.loads(run("policy", "-", "--format", "json", stdin="x" * 10_000_000).stdout)
    assert answer["findings"][0]["code"] == "too-large"


@pytest.mark.parametrize("command", ["policy", "record"])
def test_a_batch_answers_both_kinds_line_by_line(command: str) -> None:
    """Either command reads policies and records, and answers in their order."""
    exit_code, answers = run_batch(
        {"body": GOOD},
        {"records": [["v=STSv1; i", "d=7"]]},
        {"body_b64": base64.b64encode(b"\xef\xbb\xbf" + GOOD.encode()).decode()},
        {"records": []},
        {"body": BAD, "mx_hosts": [], "comment": "unknown keys are ignored"},
        command=command,
    )
    assert [answer["valid"] for answer in answers] == [True, True, False, False, False]
    assert answers[1]["id"] == "7"
    assert answers[2]["findings"][0]["code"] == "syntax"
    assert answers[3]["findings"][0]["code"] == "no-usable-record"
    assert answers[4]["covers"] == {}
    assert exit_code == 0  # every line was read, whatever the verdicts


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"body": 5}',
        '{"body": null}',
        '{"body": "", "records": []}',  # one of them
        '{"body_b64": "*"}',
        '{"body_b64": "\u00e9"}',
        '{"body": "", "mx_hosts": "a.example"}',
        '{"body": "", "mx_hosts": [1]}',
        '{"records": "v=STSv1; id=1"}',
        '{"records": ["v=STSv1; id=1"]}',  # a record is a list of strings
        '{"records": [[1]]}',
        "[" * 100_000,  # deeper than the reader's stack
        '{"body": ' + "9" * 10_000 + "}",  # int() of so many digits raises
        "x" * (MAX_LINE_BYTES + 1),
        '{"body": "", "mx_hosts": [' + '"",' * MAX_MX_HOSTS + '""]}',
    ],
)
def test_a_line_that_is_not_understood_gives_an_error_and_the_next_is_read(line: str) -> None:
    """One bad line costs the others nothing, and the exit code tells of it."""
    exit_code, answers = run_batch(line, {"body": GOOD})
    assert list(answers[0]) == ["error"]
    assert answers[1]["valid"] is True
    assert exit_code == 2


def test_a_batch_line_may_be_as_long_as_the_largest_policy_escaped() -> None:
    """Six characters for each of 64 Ki bytes fit."""
    line = json.dumps({"body": GOOD + "note: " + "\x7f" * 65_000})
    line = line.replace("\x7f", "\\u007f")
    exit_code, (answer,) = run_batch(line)
    assert answer["findings"][0]["code"] == "syntax"
    assert exit_code == 0


def test_a_batch_needs_no_final_newline() -> None:
    """The last line counts without its end."""
    result = run("policy", "--batch", "-", stdin=json.dumps({"body": GOOD}))
    assert json.loads(result.stdout)["valid"] is True
    assert result.exit_code == 0


def test_a_batch_reads_a_file(tmp_path: Path) -> None:
    """FILE stands in the same place as for one policy."""
    file = tmp_path / "batch.jsonl"
    file.write_text('{"records": [["v=STSv1; id=1"]]}\n')
    assert json.loads(run("record", "--batch", str(file)).stdout)["id"] == "1"


def test_half_a_surrogate_pair_is_no_utf8() -> None:
    """JSON can spell what UTF-8 cannot; such a body or string is a syntax error, not a crash."""
    exit_code, answers = run_batch(
        '{"body": "note: \\ud800\\n"}', '{"records": [["v=STSv1; id=\\udfff"]]}'
    )
    assert [answer["findings"][0]["code"] for answer in answers] == ["syntax", "syntax"]
    assert exit_code == 0


@pytest.mark.parametrize("command", [(), ("policy",), ("record",)])
def test_help_names_the_exit_codes_or_what_is_judged(command: tuple[str, ...]) -> None:
    """Each command explains itself."""
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Judge" in result.stdout
