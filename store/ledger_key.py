"""The ledger's private key, a file that only its owner reads; made at first use."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.errors import Code, Refusal
from models.signed_note import Signer

NAME = "ledger.key"


def signer(data: Path, origin: str, *, size: int) -> Signer:
    """Who signs the ledger of ``data`` under the name ``origin``.

    ``size``: entries that there are already. A key is made for an empty ledger only: whoever saved a checkpoint
    of another one knows the old key, and a new one must be a person's decision.
    """
    path = data / NAME
    try:
        return Signer(origin, _read(path))
    except FileNotFoundError:
        if size > 0:
            raise Refusal(
                Code.INVALID,
                f"the key {path} is gone, and {size} entries are in the ledger: bring it back from your backup; "
                f"or, if it is lost for good, make a new one with 'openssl rand -base64 32 > {path}' and tell "
                "everybody who checks the ledger, for what they saved names the old key",
            ) from None
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make(path)
    return Signer(origin, _read(path))


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
