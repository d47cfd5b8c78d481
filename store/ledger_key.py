"""The ledger's private key, a file that only its owner reads; made at first use, changed by a person alone."""

from __future__ import annotations

import fcntl
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from models.errors import Code, Refusal
from models.ledger import handover
from models.signed_note import Signer, Verifier, opened, read_verifier
from store.ledger import change_key, checkpoint, signed_size
from store.ledger_files import FOLDER
from store.ledger_files import KEY as PUBLIC_KEY
from store.ledger_keys import keys, not_its_key

NAME = "ledger.key"
NEXT = "ledger.key.next"
"""The new one, until the ledger goes by it."""


def signer(data: Path, origin: str, *, size: int, current: Verifier | None = None) -> Signer:
    """Who signs the ledger of ``data`` under the name ``origin``.

    ``size``: entries that were signed already, ``current``: the key that the ledger goes by. A key is made where there
    are none: whoever saved a checkpoint of another one knows the old key, and a new one must be a person's decision.
    """
    path = data / NAME
    _finish_change(data, origin, current)
    try:
        return Signer(origin, _read(path))
    except FileNotFoundError:
        if size > 0:
            raise Refusal(
                Code.INVALID,
                f"the key {path} is gone, and {size} entries are in the ledger: bring it back from your backup; "
                "or, if it is lost for good, begin a new one with 'danbiet ledger new-key --lost' and tell "
                "everybody who checks the ledger, for what they saved names the old key",
            ) from None
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make(path)
    return Signer(origin, _read(path))


def new_key(engine: Engine, data: Path, origin: str, *, lost: bool, now: datetime) -> Signer:
    """Begin a new key, which the old one signs; or, if that is ``lost``, nobody. It takes the old one's place.

    Killed at any moment, either key is whole, and it is the one that the ledger goes by. Raises :class:`Refusal` where
    nothing was signed yet, where the old key is not there, or is there although it is said to be lost.
    """
    with _alone(data):
        return _changed(engine, data, origin, lost=lost, now=now)


def _changed(engine: Engine, data: Path, origin: str, *, lost: bool, now: datetime) -> Signer:
    current = _goes_by(engine, data)
    if current.name != origin:
        raise not_its_key(Verifier(origin, current.public), str(current))
    old = _old_key(data, origin, current)
    if old is None and not lost:
        raise Refusal(
            Code.INVALID,
            f"{data / NAME} does not hold the key {current}, which must sign the new one: bring it back from your "
            "backup; or, if it is lost for good, say --lost",
        )
    if old is not None and lost:
        raise Refusal(
            Code.INVALID,
            f"the key in {data / NAME} is the ledger's: leave out --lost, so that it signs the new one",
        )
    (data / NEXT).unlink(missing_ok=True)
    _make(data / NEXT)
    new = Signer(origin, _read(data / NEXT))
    note = None if old is None else old.sign(handover(str(new.verifier)))
    change_key(engine, new.verifier, replaces=current, note=note, now=now)
    _finish_change(data, origin, new.verifier)
    return new


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Of two that change the key at once, the second must not throw away what the first one has just made."""
    try:
        descriptor = os.open(data, os.O_RDONLY)
    except OSError as error:
        raise Refusal(
            Code.INVALID, f"{data} cannot be read ({error.strerror}): give the data directory"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _goes_by(engine: Engine, data: Path) -> Verifier:
    known, note, published = keys(engine), checkpoint(engine), data / FOLDER / PUBLIC_KEY
    if known and signed_size(engine):
        return known[0]
    if note is not None and signed_size(engine) and published.is_file():
        # An earlier release has signed it, and kept no list.
        verifier = read_verifier(published.read_text("utf-8"))
        opened(note, verifier)
        return verifier
    raise Refusal(
        Code.INVALID, "nothing was signed yet: the key is made by itself, with the ledger's first entries"
    )


def _old_key(data: Path, origin: str, current: Verifier) -> Signer | None:
    """The one that the ledger goes by, if it is there."""
    _finish_change(data, origin, current)
    try:
        found = Signer(origin, _read(data / NAME))
    except (FileNotFoundError, Refusal):
        return None
    return found if found.verifier == current else None


def _finish_change(data: Path, origin: str, current: Verifier | None) -> None:
    """Put the new key in the old one's place, once the ledger goes by it."""
    following = data / NEXT
    with suppress(FileNotFoundError):  # the usual case; or another process was faster
        if Signer(origin, _read(following)).verifier == current:
            following.replace(data / NAME)


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        text = path.read_bytes().decode("ascii")
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return Ed25519PrivateKey.from_private_bytes(b64decode(text.strip(), validate=True))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refusal(
            Code.INVALID,
            f"the key {path} cannot be read ({error.strerror}): let the user who runs this read it",
        ) from None
    except ValueError:
        raise Refusal(
            Code.INVALID,
            f"the key {path} is damaged (it holds 32 bytes in base64): bring it back from your backup",
        ) from None


def _make(path: Path) -> None:
    """Written whole before it has its name; of two that make one at the same time, the first one's stays."""
    private = Ed25519PrivateKey.generate().private_bytes_raw()
    try:
        with NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}."
        ) as fresh:  # which only its owner reads
            fresh.write(b64encode(private) + b"\n")
            fresh.flush()
            os.fsync(fresh.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(fresh.name)
    except OSError as error:
        raise Refusal(
            Code.INVALID, f"the key {path} cannot be written ({error.strerror}): let this user write there"
        ) from None
