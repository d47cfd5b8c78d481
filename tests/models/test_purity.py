"""The core reads no clock, no file, no network and no chance: it is a function of what is handed in (design 3)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"
FILES = sorted(MODELS.glob("*.py"))

ALLOWED = {
    "__future__", "abc", "bisect", "calendar", "collections", "csv", "dataclasses", "datetime", "decimal", "difflib",
    "enum", "functools", "hashlib", "itertools", "json", "math", "models", "operator", "pydantic", "re", "types",
    "typing", "unicodedata", "yaml", "zoneinfo",
    # Functions of bytes: JSON, canonical JSON, signatures of given keys, a workbook made in memory.
    "base64", "binascii", "pydantic_core", "rfc8785", "cryptography", "xlsxwriter",
}  # fmt: skip
PARTS = {
    "io": {"StringIO", "BytesIO"},
    "urllib.parse": {"urlsplit"},
    "pathlib": {"PurePosixPath"},
    "sys": {"intern"},
}
"""Of these modules nothing else: text in memory, names of files, and no file."""
TABLES = ALLOWED | {"sqlalchemy", "sqlmodel"}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "monotonic", "perf_counter"}
DOORS = {"open", "input", "print", "exec", "eval", "__import__", "breakpoint"}


def findings(source: str, allowed: set[str]) -> Iterator[str]:
    """What in ``source`` reaches outside: a module, a clock, a file."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                modules = (alias.name for alias in names)
                yield from (name for name in modules if name.split(".")[0] not in allowed | {"io"})
            case ast.ImportFrom(module=str(module), names=names, level=0) if module in PARTS:
                yield from (f"{module}.{alias.name}" for alias in names if alias.name not in PARTS[module])
            case ast.ImportFrom(module=module, level=level):
                if level or (module or "").split(".")[0] not in allowed:
                    yield module or "."
            case ast.Call(func=ast.Name(id=name)) if name in DOORS:
                yield f"{name}()"
            case ast.Attribute(value=value, attr=name) if name in CLOCKS:
                if ast.unparse(value).rsplit(".", maxsplit=1)[-1] in {"datetime", "date", "time"}:
                    yield f"{ast.unparse(node)}"
            case ast.Attribute(value=ast.Name(id="io"), attr=name) if name not in PARTS["io"]:
                yield f"io.{name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_core_has_no_clock_and_no_io(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert list(findings(source, TABLES if path.name == "tables.py" else ALLOWED)) == []


def test_there_are_files_to_look_at() -> None:
    assert {"dossier.py", "fold.py", "calendar.py", "bulletin.py"} <= {path.name for path in FILES}
    assert not [path for path in MODELS.iterdir() if path.is_dir() and path.name != "__pycache__"]


@pytest.mark.parametrize(
    "impure",
    [
        "import os",
        "import time",
        "from random import random",
        "import uuid",
        "import pathlib",
        "from pathlib import Path",
        "from sys import stdin",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now(tz)",
        "from datetime import date\nx = date.today",
        "with open('x') as file: pass",
        "import io\nio.open('x')",
        "from io import open",
        "from . import telling",
    ],
)
def test_what_would_be_found(impure: str) -> None:
    assert list(findings(impure, ALLOWED))
