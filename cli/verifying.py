"""`danbiet verify`: whether a ledger, in a directory or at an address, is what was signed and only ever grew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cli.output import as_json, tell
from models.errors import Code, Refusal, Unavailable
from models.signed_note import Verifier, read_verifier
from models.verifying import MOST_NOTE, Disagreement, Verified, lines_of, verify

CHUNK = 65_536
SECONDS = 30.0
TRIES = 3
"""A ledger that is written to while it is read has another checkpoint at the end than at the beginning."""


class Source(Protocol):
    """Where the files `checkpoint`, `entries` and `key` are."""

    name: str

    def chunks(self, file: str) -> Iterator[bytes] | None:
        """The content of a file, piece by piece; None: there is none."""


class Directory:
    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def chunks(self, file: str) -> Iterator[bytes] | None:
        path = self._path / file
        return _read(path) if path.is_file() else None


class Address:
    """A ledger behind HTTP; `stack` closes what is open at the end."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        import httpx

        self.name = url.rstrip("/")
        self._stack = stack
        self._errors = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)
        headers = {"Accept-Encoding": "identity"}
        self._client = stack.enter_context(
            httpx.Client(timeout=SECONDS, follow_redirects=True, headers=headers)
        )

    def chunks(self, file: str) -> Iterator[bytes] | None:
        url = f"{self.name}/{file}"
        try:
            response = self._stack.enter_context(self._client.stream("GET", url))
        except self._errors as error:
            raise Unavailable(f"{url} cannot be reached: {error}") from None
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise Unavailable(f"{url} answers {response.status_code}")
        return self._guarded(url, response.iter_bytes(CHUNK))

    def _guarded(self, url: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except self._errors as error:
            raise Unavailable(f"{url} cannot be read to its end: {error}") from None


def verify_ledger(place: str, earlier: Path | None, key: str | None, *, json: bool) -> int:
    """Check it and say so; 0 if it holds, 1 if not."""
    before = None if earlier is None else _text(Directory(earlier.parent), earlier.name)
    with ExitStack() as stack:
        source = _source(place, stack)
        verifier = read_verifier(_text(source, "key") if key is None else key)
        try:
            found = _verified(source, verifier, before)
        except Refusal as refusal:
            if not json:
                raise
            index = refusal.index if isinstance(refusal, Disagreement) else None
            print(as_json({"holds": False, "index": index, "reason": refusal.message}))
            return 1
    if json:
        trust = "first_use" if key is None else "given"
        print(as_json({"holds": True, **found._asdict(), "key": str(verifier), "trust": trust}))
        return 0
    _tell(found, verifier, given=key is not None)
    return 0


def _tell(found: Verified, verifier: Verifier, *, given: bool) -> None:
    print(f"the ledger of {found.origin} holds: {found.size} entries, as they were signed")
    if found.last_at is not None:
        print(f"last entry appended {found.last_at}; root {found.root}")
    if found.since is not None:
        print(f"consistent with the earlier checkpoint: its {found.since} entries are unchanged")
    if found.signed_by != str(verifier):
        tell(
            f"its key was changed, and the old one has signed that: from now on give --key '{found.signed_by}'"
        )
    if not given:
        tell(
            f"the key was taken from beside the ledger, where whoever forges one would put theirs: compare it with "
            f"what the office has published elsewhere, and from now on give it with --key '{verifier}'"
        )


def _verified(source: Source, verifier: Verifier, earlier: str | None) -> Verified:
    note = _text(source, "checkpoint")
    for _ in range(TRIES - 1):
        try:
            return verify(note, _lines(source), verifier, earlier=earlier)
        except Disagreement:
            if (now := _text(source, "checkpoint")) == note:
                raise
            note = now
    return verify(note, _lines(source), verifier, earlier=earlier)


def _source(place: str, stack: ExitStack) -> Source:
    """The ledger at `place`, or in `ledger` below it."""
    source: Source
    if place.startswith(("http://", "https://")):
        source = Address(place, stack)
        bare = urlsplit(place).path.strip("/") == ""
        below: Source = Address(f"{source.name}/ledger", stack)
    else:
        source, bare, below = Directory(Path(place)), True, Directory(Path(place) / "ledger")
    if source.chunks("checkpoint") is not None:
        return source
    if bare and below.chunks("checkpoint") is not None:
        return below
    raise Refusal(
        Code.NOT_FOUND,
        f"there is no ledger at {place}: give the directory or the address that has 'checkpoint' and 'entries'",
    )


def _text(source: Source, file: str) -> str:
    chunks = source.chunks(file)
    if chunks is None:
        mend = "give its key with --key" if file == "key" else "give a ledger or checkpoint that is whole"
        raise Refusal(Code.NOT_FOUND, f"there is no '{file}' at {source.name}: {mend}")
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) > MOST_NOTE:
            raise Refusal(Code.INVALID, f"'{file}' at {source.name} is too long for what it should be")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Refusal(Code.INVALID, f"'{file}' at {source.name} is not text in UTF-8") from None


def _lines(source: Source) -> Iterator[bytes]:
    chunks = source.chunks("entries")
    if chunks is None:
        raise Refusal(Code.NOT_FOUND, f"there is no 'entries' at {source.name}: nothing to verify")
    return lines_of(chunks)


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Refusal(Code.INVALID, f"{path} cannot be read ({error.strerror})") from None
