"""The web application: health, the HTTP API and the public pages, over one office."""

from __future__ import annotations

from fastapi import FastAPI

from web.office import Office
from web.pages import routes as pages


def create_app(office: Office) -> FastAPI:
    """The application that ``danbiet web`` and ``danbiet up`` serve."""
    app = FastAPI(
        title="Dân Biết", version="1", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.office = office
    app.include_router(pages.public)
    return app
