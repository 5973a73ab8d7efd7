"""What README.md and the documentation tell a user to type."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parent.parent
ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class CurlLine:
    """One ``curl`` command."""

    arguments: tuple[str, ...]
    url: str
    files: tuple[tuple[str, Path], ...]
    """Form field and file, of each ``-F``."""

    @property
    def method(self) -> str:
        return "post" if self.files else "get"

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def parameters(self) -> set[str]:
        return set(parse_qs(urlsplit(self.url).query))

    def to(self, address: str) -> list[str]:
        """The command, sent to another address."""
        return [argument.replace(ADDRESS, address) for argument in self.arguments]


def shell_lines(page: Path = ROOT / "README.md") -> list[str]:
    """Every command in its ``sh`` blocks, without trailing comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.sub(r"\s+# .*", "", line) for line in lines if line.strip()]


def curl_lines(page: Path = ROOT / "README.md") -> list[CurlLine]:
    """Its ``curl`` commands."""
    commands = [tuple(shlex.split(line)) for line in shell_lines(page) if line.startswith("curl ")]
    return [_parse(command) for command in commands]


def _parse(arguments: tuple[str, ...]) -> CurlLine:
    [url] = [argument for argument in arguments if argument.startswith("http")]
    forms = [value for flag, value in itertools.pairwise(arguments) if flag == "-F"]
    files = [form.split("=@") for form in forms]
    return CurlLine(arguments, url, tuple((field, ROOT / path) for field, path in files))
