from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.store.conftest import postgres
from tests.workflows.conftest import TEMPORAL

__all__ = ["bare_server", "postgres"]


@pytest.fixture(scope="module")
async def bare_server() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server that has never heard of our search attributes."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="never"
    )
    async with env:
        yield env
