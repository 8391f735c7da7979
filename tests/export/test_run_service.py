"""A process of its own on a port of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from hgl.db.database import Database
from hgl.export.artefact import Artefact

SCRIPT = """
import sys
from pathlib import Path
from hgl.aggregates.live.features import LiveFeatures
from hgl.db.database import Database
from hgl.export.artefact import Artefact
from hgl.export.limits import Limits
from hgl.export.service import run_service, service

folder, url, arranged = sys.argv[1:]
artefact = Artefact.read(Path(folder))
features = LiveFeatures.open(url, Database.open(arranged).schema, artefact.manifest.plan)
app = service(artefact, features, limits=Limits(body=1000))
run_service(app, port=0, started=lambda url: print(url, flush=True))
print("stopped", "torch" in sys.modules)
"""


@pytest.fixture
def process(artefact: Artefact, url: str, db: Database) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SCRIPT, str(artefact.folder), url, str(db.folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


def post(address: str, body: bytes) -> tuple[int, dict]:
    request = urllib.request.Request(f"{address}/predict", body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.status, json.load(error)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(
    process: subprocess.Popen[str], stop: signal.Signals
) -> None:
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    status, answer = post(address, b'{"rows": [{"id": 1}]}')
    assert (status, len(answer["predictions"])) == (200, 1)
    assert post(address, b" " * 2000)[0] == 413
    assert post(address, b"{")[0] == 400
    process.send_signal(stop)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("stopped False\n", "", 0), "without PyTorch"
