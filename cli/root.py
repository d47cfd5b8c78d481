"""Where the source tree is. Nothing else is imported here, so that the fast commands may use it.

A built wheel leaves the data folders out: the supported installation is the source tree itself, and every
path to its data (``catalogue/``, ``samples/``, ``store/migrations/``) begins at `PROJECT_ROOT`.
"""

from pathlib import Path
from typing import Final

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent
