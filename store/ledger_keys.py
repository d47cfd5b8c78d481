"""Which public keys the ledger was signed with; the newest is the one it goes by."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, select

from models.errors import Code, Refusal
from models.signed_note import Verifier, opened, read_verifier
from models.tables import LedgerKeyRow, table_of
from store.database import reading
from store.projections import insert_rows

KEY = table_of(LedgerKeyRow)


def keys(engine: Engine) -> list[Verifier]:
    """All of them, the newest first; empty: nothing was signed by this release yet."""
    with reading(engine) as connection:
        found = connection.execute(select(KEY.c.verifier).order_by(KEY.c.number.desc())).scalars()
        return [read_verifier(each) for each in found]


def admit(connection: Connection, verifier: Verifier, note: str | None) -> None:
    """Let ``verifier`` sign, if it is the ledger's key, or the ledger has none yet.

    ``note``: the newest checkpoint that covers any entry. Where there is none yet nobody relies on a key, and where
    an earlier release has signed it, that key is the ledger's.
    """
    known = _current(connection)
    if known == str(verifier):
        return
    if note is not None and (known is not None or not is_signed_by(verifier, note)):
        raise not_its_key(verifier, known)
    connection.execute(delete(KEY))
    add(connection, 0, verifier)


def check_current(connection: Connection, verifier: Verifier) -> None:
    known = _current(connection)
    if known is None:
        add(connection, 0, verifier)
    elif known != str(verifier):
        raise Refusal(Code.CONFLICT, f"the ledger goes by the key {known} by now: look before you change it")


def add(connection: Connection, number: int, verifier: Verifier) -> None:
    insert_rows(connection, KEY, [{"number": number, "verifier": str(verifier)}])


def is_signed_by(verifier: Verifier, note: str) -> bool:
    try:
        opened(note, verifier)
    except Refusal:
        return False
    return True


def not_its_key(verifier: Verifier, known: str | None) -> Refusal:
    """What a person reads whose key, or whose origin, is another one."""
    if known is not None and read_verifier(known).name != verifier.name:
        name = read_verifier(known).name
        return Refusal(
            Code.CONFLICT,
            f"the ledger is called '{name}' and never changes its name: set DANBIET_LEDGER_ORIGIN back to it, "
            f"it is '{verifier.name}'",
        )
    goes_by = "another key" if known is None else f"the key {known}"
    return Refusal(
        Code.CONFLICT,
        f"the ledger goes by {goes_by}, and ledger.key holds {verifier}: bring the right one back from your backup, "
        "or, if it is lost for good, 'danbiet ledger new-key --lost'",
    )


def _current(connection: Connection) -> str | None:
    return connection.execute(select(KEY.c.verifier).order_by(KEY.c.number.desc()).limit(1)).scalar()
