import os
import signal

from tests.assets.decoders.misbehaving import serve


def misbehave() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


if __name__ == "__main__":
    serve(misbehave)
