import time

from tests.assets.decoders.misbehaving import serve


def misbehave() -> None:
    time.sleep(3600)


if __name__ == "__main__":
    serve(misbehave)
