"""The public ledger: checkpoint, entries, proofs, and the key to check them with (interfaces: Ledger)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import JsonValue

from models.errors import Code, Refusal
from store import ledger, ledger_keys
from store.ledger_files import KEY
from web.office import Office, TheOffice

router = APIRouter(prefix="/ledger", tags=["ledger"])
BATCH = 1000


@router.get("/checkpoint")
async def checkpoint(office: TheOffice) -> PlainTextResponse:
    """The newest signed statement (C2SP checkpoint): origin, size, root. Save it: later ones must agree with it."""
    return PlainTextResponse(await asyncio.to_thread(newest, office), headers={"Cache-Control": "no-cache"})


def newest(office: Office) -> str:
    """Raises :class:`Refusal` (``not_found``) while the ledger is empty."""
    note = ledger.checkpoint(office.engine)
    if note is None:
        raise Refusal(Code.NOT_FOUND, "the ledger is empty: nothing was published yet")
    return note


@router.get("/entries")
async def entries(office: TheOffice) -> StreamingResponse:
    """All entries that the checkpoint covers, one base64 line each."""
    size = await asyncio.to_thread(ledger.signed_size, office.engine)

    def lines() -> Iterator[bytes]:
        for start in range(0, size, BATCH):
            for entry in ledger.entries(office.engine, start, min(BATCH, size - start)):
                yield b64encode(entry) + b"\n"

    return StreamingResponse(lines(), media_type="text/plain", headers={"Cache-Control": "no-cache"})


@router.get("/key")
async def key(office: TheOffice) -> PlainTextResponse:
    """The public key that checkpoints are signed with, as a C2SP verifier key."""
    path = office.ledger_files / KEY
    if not await asyncio.to_thread(path.is_file):
        raise Refusal(Code.NOT_FOUND, "the ledger is empty: nothing was published yet")
    return PlainTextResponse(await asyncio.to_thread(path.read_text, "ascii"))


@router.get("/keys")
async def keys(office: TheOffice) -> PlainTextResponse:
    """All public keys that ever signed it, the newest first; its entries of kind `key` tell since when."""
    found = await asyncio.to_thread(ledger_keys.keys, office.engine)
    return PlainTextResponse("".join(f"{each}\n" for each in found), headers={"Cache-Control": "no-cache"})


@router.get("/proof/{index}")
async def proof(office: TheOffice, index: Annotated[int, Path(ge=0, le=2**53)]) -> JsonValue:
    """That an entry is in the tree of the newest checkpoint: its leaf hash and the hashes beside its way up."""
    size = await asyncio.to_thread(ledger.signed_size, office.engine)
    if index >= size:
        raise Refusal(Code.NOT_FOUND, f"there is no entry {index}: the newest checkpoint covers {size}")
    found = await asyncio.to_thread(ledger.proof, office.engine, index)
    return {
        "index": index,
        "size": found.size,
        "leaf": b64encode(found.leaf).decode(),
        "hashes": [b64encode(each).decode() for each in found.hashes],
    }
