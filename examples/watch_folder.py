"""Sorts an inbox into OUTBOX/clean, flagged and unchecked: python watch_folder.py INBOX OUTBOX"""

import sys
from pathlib import Path

from watchfiles import watch

from vigil_client import Client, VigilError

vigil = Client("http://127.0.0.1:8000")


def place(path: Path, outbox: Path) -> None:
    try:
        folder = "clean" if vigil.image(path).flagged is False else "flagged"
    except (VigilError, OSError) as error:  # nobody could say: not clean
        print(f"{path.name}: {error}", file=sys.stderr)
        folder = "unchecked"
    path.rename(outbox / folder / path.name)


def run(inbox: Path, outbox: Path, stop_event=None) -> None:
    # Write files elsewhere on this disk and rename them into the inbox: half a file is unchecked.
    for _ in watch(inbox, stop_event=stop_event, rust_timeout=1000, yield_on_timeout=True):
        for path in sorted(inbox.iterdir()):
            place(path, outbox)


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
