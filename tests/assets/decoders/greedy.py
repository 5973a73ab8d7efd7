from tests.assets.decoders.misbehaving import serve


def misbehave() -> None:
    taken = []
    while True:
        taken.append(bytearray(2**24))


if __name__ == "__main__":
    serve(misbehave)
