"""What import-linter cannot see: the two top-level modules stand beside ``cli``, above everything else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INNER = ("models", "workflows", "activities", "store")
TOP = {"worker", "starter", "cli", "web"}


def imports_of(path: Path) -> set[str]:
    """First parts of everything a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", INNER)
def test_nothing_inside_knows_the_entry_points(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imports_of(path) & TOP, path


@pytest.mark.parametrize("package", ["models", "workflows"])
def test_core_and_workflows_touch_no_database(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        if path.name != "tables.py":
            assert not imports_of(path) & {"sqlmodel", "sqlalchemy", "psycopg", "store"}, path
        if package == "models":
            assert "temporalio" not in imports_of(path), path
