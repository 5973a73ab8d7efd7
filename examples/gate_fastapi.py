"""An upload route that takes only what was checked and is fine: uvicorn gate_fastapi:app"""

from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, UploadFile

from vigil_client import AsyncClient, MediaError, VigilError

vigil = AsyncClient("http://127.0.0.1:8000")


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with vigil:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/pictures")
async def upload(picture: UploadFile) -> str | None:
    try:
        result = await vigil.image(picture.file)
    except VigilError as error:  # unusable, or nobody could say: closed
        raise HTTPException(422 if isinstance(error, MediaError) else 503, str(error)) from error
    if result.flagged is not False:  # None: the model flags nothing, and so cannot say either
        raise HTTPException(422, "This picture is not allowed here.")
    return picture.filename  # write picture.file to your storage here
