"""The running service against its own OpenAPI description, by a tool that knows neither."""

import re
import subprocess
import sys
from pathlib import Path

from tests.faces.overtcp import serving_over_tcp
from tests.journeys.serving import GUARD_SECONDS

# What a tool that reads the description cannot know: which text is a name, and that a target
# which is too long is refused before anything else about it is looked at.
CONFIG = """\
[checks]
positive_data_acceptance.expected-statuses = [200, 400, 404, 414]
negative_data_rejection.expected-statuses = [400, 404, 405, 414, 431]
"""
EXAMPLES = 60  # for each path; all of it takes some 4 s


def test_every_response_is_as_described(tmp_path: Path) -> None:
    """Status, content type, body and rejections: of usual, odd and hostile requests.

    Every run makes the same requests; DNS refuses every question of the service.
    """
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(CONFIG)
    with serving_over_tcp(tmp_path) as (serving, address):
        run = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"), "--config-file", settings,
                "run", f"http://{address}/v1/openapi.json",
                "--checks", "all", "--max-examples", str(EXAMPLES), "--continue-on-failure",
                "--generation-deterministic",
                "--request-timeout", "10",
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False,
        )  # fmt: skip

    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]
    assert re.search(r"Coverage \(in", run.stdout)
    assert re.search(r"Fuzzing \(in", run.stdout)
    assert "Traceback" not in serving.log.read_text()
