from pathlib import Path

from tests.assets.decoders.misbehaving import serve


def misbehave() -> None:
    Path("/etc/hostname").read_text()
    raise SystemExit("a file could be opened")


if __name__ == "__main__":
    serve(misbehave)
