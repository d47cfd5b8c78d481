"""Options that many commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None, typer.Option("--data", help="Data directory (default $DANBIET_DATA or .danbiet).")
]
Unused = Annotated[
    Path | None, typer.Option("--data", help="Taken as by every command; it makes no difference here.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
