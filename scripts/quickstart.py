"""Starts the service, sends the bundled samples through its REST API and goes on serving.

Speaks to the service over HTTP alone, as any client does. The service itself is started and
stopped by `vigil serve`, as in a container.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

import yaml

from serve_app.launcher.processes import end_with_parent

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "examples" / "samples"
READY_SECONDS = 300
REQUEST_SECONDS = 120
LOG_TAIL_LINES = 25


class QuickstartError(Exception):
    """The service could not be started or did not answer; the message says how far it came."""


@dataclass(frozen=True)
class Answer:
    """One row of the table."""

    file: str
    shows: str
    finding: str
    milliseconds: float


class Service:
    """The launcher as a child process.

    Args:
        config: Serve configuration file.
        log: Where the service's output goes.
    """

    def __init__(self, config: Path, log: Path) -> None:
        http = (yaml.safe_load(config.read_text()) or {}).get("http_options", {})
        self.url = f"http://127.0.0.1:{http.get('port', 8000)}"
        self._log = log
        quickstart_pid = os.getpid()
        with log.open("wb") as output:
            # Its own session: Ctrl-C comes here first, and is passed on as a request to drain.
            self._launcher = subprocess.Popen(
                [sys.executable, "-m", "vigil_cli", "serve", str(config)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(quickstart_pid, signal.SIGTERM),
            )

    def wait_until_ready(self) -> None:
        """Polls ``/readyz``.

        Raises:
            QuickstartError: The service ended, or is not ready in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._launcher.poll() is not None:
                raise QuickstartError(f"The service did not start.\n{self.log_tail()}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310
                    return
            except OSError:
                time.sleep(0.5)
        raise QuickstartError(
            f"The service is not ready after {READY_SECONDS} s.\n{self.log_tail()}"
        )

    def wait_until_ended(self) -> None:
        """Blocks while the service runs.

        Raises:
            QuickstartError: It ended, although nobody asked it to.
        """
        self._launcher.wait()
        raise QuickstartError(f"The service ended.\n{self.log_tail()}")

    def stop(self) -> None:
        """Drains the service and waits for its end; a further Ctrl-C cuts the drain short."""
        while self._launcher.poll() is None:
            self._launcher.terminate()
            try:
                self._launcher.wait()
            except KeyboardInterrupt:
                continue

    def log_tail(self) -> str:
        """The last lines that the service wrote."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def send_samples(url: str) -> list[Answer]:
    """Sends every bundled sample: images and animations to ``/v1/images``, videos to ``/api``."""
    model = _get(f"{url}/v1/models")["models"][0]  # the default model comes first
    samples = json.loads((SAMPLES / "samples.json").read_text())["samples"]
    answers = []
    for sample in samples:
        path = SAMPLES / sample["file"]
        started = time.perf_counter()
        if sample["type"] == "video":
            finding = _describe_video(_post(f"{url}/api/video-classification", "file", path))
        else:
            answer = _post(f"{url}/v1/images", "files", path)
            finding = _describe_image(answer, model["flagged_labels"])
        milliseconds = (time.perf_counter() - started) * 1000
        answers.append(Answer(sample["file"], sample["shows"], finding, milliseconds))
    return answers


def table(answers: list[Answer]) -> str:
    """The answers as aligned columns."""
    rows = [("sample", "shows", "answer", "time")]
    rows += [(a.file, a.shows, a.finding, f"{a.milliseconds:.0f} ms") for a in answers]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "─" * (sum(widths) + 6), *lines[1:]])


def _describe_image(answer: dict, flagged_labels: list[str]) -> str:
    result = answer["results"][0]
    if "problem" in result:
        raise QuickstartError(result["problem"]["detail"])
    if not result["flagged"]:
        best = result["labels"][0]
        return f"fine    {best['label']} {best['score']:.3f}"
    worst = next(entry for entry in result["labels"] if entry["label"] in flagged_labels)
    return f"FLAGGED {worst['label']} {worst['score']:.3f}"


def _describe_video(findings: list[dict]) -> str:
    if not findings:
        return "fine    nothing found"
    first = findings[0]
    return f"FLAGGED {first['label']} {first['score']:.3f} from frame {first['frame']}"


def _get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as response:  # noqa: S310
        return json.load(response)


def _post(url: str, field: str, path: Path) -> dict | list:
    boundary = uuid.uuid4().hex
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{path.name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    request = urllib.request.Request(  # noqa: S310 - the scheme is ours
        url,
        data=head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")
        raise QuickstartError(f"{path.name}: HTTP {error.code} {detail}") from error


def _run(service: Service, *, once: bool) -> None:
    print("Starting the service (about half a minute) …", flush=True)
    service.wait_until_ready()
    print(f"Vigil serves at {service.url}\n", flush=True)
    print(table(send_samples(service.url)))
    print(
        f"\nTry files of your own in a browser: {service.url}"
        f"\nREST API and examples to try: {service.url}/docs"
        "\nbuiltin/demo only demonstrates, it does not moderate. A real model:"
        "\n  DEFAULT_MODEL_NAME=Falconsai/nsfw_image_detection scripts/quickstart"
    )
    if not once:
        print("\nServing; Ctrl-C ends it.", flush=True)
        service.wait_until_ended()


def _interrupt(_signal_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/quickstart", description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=ROOT / "serve_config.yaml")
    parser.add_argument("--once", action="store_true", help="show the answers, then stop")
    arguments = parser.parse_args()
    # SIGINT too: a shell starts background jobs with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)

    with tempfile.TemporaryDirectory(prefix="vigil-quickstart-") as folder:
        service = Service(arguments.config.resolve(), Path(folder) / "service.log")
        try:
            _run(service, once=arguments.once)
        except KeyboardInterrupt:
            print("\nStopping …", flush=True)
        except (QuickstartError, OSError) as error:
            sys.exit(f"\n{error}")
        finally:
            service.stop()


if __name__ == "__main__":
    main()
