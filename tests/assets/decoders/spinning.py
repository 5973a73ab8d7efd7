from tests.assets.decoders.misbehaving import serve


def misbehave() -> None:
    while True:
        pass


if __name__ == "__main__":
    serve(misbehave)
