"""Pages for people at the server's own address: what this is, and the documentation of the API.

Swagger UI comes from the installed package `fastapi-offline`; nothing is loaded from another origin, and the pages
say so to the browser. Links are relative, so that they hold wherever a proxy puts us, unless BASE_PATH says where.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from types import MappingProxyType

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from tonearm.api.openapi import document

ASSETS = "docs-assets"
_HEADERS = MappingProxyType({"Cache-Control": "no-cache"})
_POLICY = (
    "default-src 'none'; script-src 'self'@scripts; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What Swagger UI needs: its own files, styles that it writes into elements, pictures in its style sheet, the API."""
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)

_FRONT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tonearm</title>
<h1>Tonearm</h1>
<p>A download queue server for music libraries.</p>
<ul>
<li><a href="@api/download-queue">The queue</a>
<li><a href="@docs">The API, documented</a> (<a href="@openapi.json">OpenAPI</a>)
</ul>
</html>
"""


def add_pages(app: FastAPI, base_path: str) -> None:
    """Add `/`, `/docs` with its assets, and `/openapi.json`."""
    openapi = msgspec.json.encode(document(base_path))
    root = f"{base_path}/" if base_path else ""

    async def front() -> Response:
        """What this server is, and where to look."""
        return HTMLResponse(_FRONT.replace("@", root), headers=_HEADERS)

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

    async def described() -> Response:
        """The OpenAPI document."""
        return Response(openapi, media_type="application/json", headers=dict(_HEADERS))

    for path, endpoint in (("/", front), ("/docs", docs), ("/openapi.json", described)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], response_class=Response)
    app.mount(f"/{ASSETS}", StaticFiles(directory=str(files("fastapi_offline") / "static")))


def _policy(page: str) -> str:
    """The policy of a page with scripts in it: those very scripts may run, by their SHA-256, and no others."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE.findall(page))
    return _POLICY.replace("@scripts", "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))
