"""Pages for people at the server's own address: the download manager, and the documentation of the API.

The files of the download manager are those of `tonearm.web`. Swagger UI comes from the installed package
`fastapi-offline`; nothing is loaded from another origin, and the pages say so to the browser. Links are relative, so
that they hold wherever a proxy puts us, unless BASE_PATH says where.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from tonearm.api.openapi import document

ASSETS = "docs-assets"
WEB = "web"
_FOLDER = Path(str(files("tonearm.web")))
_SERVED = frozenset({".js", ".css", ".svg", ".png", ".webmanifest"})
_HEADERS = MappingProxyType({"Cache-Control": "no-cache"})
_POLICY = (
    "default-src 'none'; script-src 'self'@scripts; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What Swagger UI needs: its own files, styles that it writes into elements, pictures in its style sheet, the API."""
_FRONT_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types tonearm"
)
"""What the download manager needs: its own files, the API, an icon that it draws, and one worker for all its tabs."""
_FILE_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
"""What a file may that runs on its own, as the shared worker does: its modules and the API."""
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def add_pages(app: FastAPI, base_path: str) -> None:
    """Add `/`, `/docs` with its assets, and `/openapi.json`."""
    root = f"{base_path}/" if base_path else ""

    front_page = (_FOLDER / "index.html").read_text("utf-8").replace("@", root)

    async def front() -> Response:
        """The download manager."""
        return HTMLResponse(front_page, headers={**_HEADERS, "Content-Security-Policy": _FRONT_POLICY})

    async def docs() -> Response:
        """The documentation of the API, to read and to try."""
        page = get_swagger_ui_html(
            title="Tonearm API",
            openapi_url=f"{root}openapi.json",
            swagger_js_url=f"{root}{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS}/favicon.png",
            swagger_ui_parameters={"validatorUrl": None},
        )
        page.headers.update(_HEADERS)
        page.headers["Content-Security-Policy"] = _policy(bytes(page.body).decode())
        return page

    @cache  # not made at the start, which it would slow down: few ask for it
    def openapi() -> bytes:
        return msgspec.json.encode(document(base_path))

    async def described() -> Response:
        """The OpenAPI document."""
        return Response(openapi(), media_type="application/json", headers=dict(_HEADERS))

    for path, endpoint in (("/", front), ("/docs", docs), ("/openapi.json", described)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    app.mount(f"/{WEB}", _Files(directory=_FOLDER))
    app.mount(f"/{ASSETS}", StaticFiles(directory=str(files("fastapi_offline") / "static")))


class _Files(StaticFiles):
    """The files of the download manager: kept by browsers, and asked for anew whether they are still the same."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if Path(path).suffix in _SERVED else ("", None)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update({**_HEADERS, "Content-Security-Policy": _FILE_POLICY})
        return response


def _policy(page: str) -> str:
    """The policy of a page with scripts in it: those very scripts may run, by their SHA-256, and no others."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(page))
    return _POLICY.replace("@scripts", "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))
