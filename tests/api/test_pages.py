"""Pages: what stands at the server's own address, and that nothing of it comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urljoin

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

LINKS = re.compile(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""")


async def page(api: Api, path: str) -> tuple[str, str]:
    """The text of a page and its Content-Security-Policy."""
    async with api.http.get(api.url + path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        return await answer.text(), answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("base", "path"),
    [("", "/"), ("", "/docs"), ("/music", "/music"), ("/music", "/music/"), ("/music", "/music/docs"), ("/music", "/")],
)
async def test_every_link_of_a_page_leads_somewhere_of_our_own(serve: Serve, base: str, path: str) -> None:
    """All assets come from this server, below its base path, and the policy forbids any other origin."""
    api = await serve(BASE_PATH=base)
    text, policy = await page(api, path)
    links = [first or second for first, second in LINKS.findall(text)]

    assert links
    for link in links:
        assert not re.match(r"[a-z]+:|//", link)
        assert link.startswith(f"{base}/") if base else not link.startswith("/")
        async with api.http.get(urljoin(api.url + path, link)) as answer:
            assert answer.status == 200
    assert "http" not in policy
    assert policy.startswith("default-src 'none'; ")


async def test_the_documentation_may_run_its_own_scripts_and_no_others(api: Api) -> None:
    """The script in the page is named by its hash; the files come from here, and so do the calls that it makes."""
    text, policy = await page(api, "/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"script-src 'self' 'sha256-{digest}'; " in policy
    assert "connect-src 'self'; " in policy
    assert "'unsafe-inline'" not in policy.partition("style-src")[0]
    assert "unsafe-eval" not in policy
