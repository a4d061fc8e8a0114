"""Attack 24: planted secrets, looked for in everything that a process lets out: logs, errors, metrics, its arguments.

What is planted is every credential that tonearm is ever given; the environment and the files of settings, where an
operator wrote them himself, are his.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from tests.api.cli.live import command
from tests.api.keyed import bearer
from tests.api.serving import PREFIX
from tests.support.catalog import ScriptedCatalog, answer, status
from tests.support.processes import children, command_line
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until
from tests.support.sharing import Site

REDIS = "r3d1s:pl@nted/secret"
CATALOG = "c4talog-planted-token"
USER = "us3rinfo-planted"
SIGNED = "s1gned-planted-query"
HEADER = "h34der-planted"
WEBHOOK = "w3bhook-planted-secret"
MESSAGE = "n0tify-planted-secret"
PLANTED = (REDIS, "r3d1s%3Apl%40nted%2Fsecret", "r3d1s", "pl@nted", CATALOG, USER, SIGNED, HEADER, WEBHOOK, MESSAGE)
PAGES = (
    *("", "/stats", "/dashboard", "/health", "/metrics", "/workers", "/control", "/keys", "/webhooks"),
    *("?limit=x", "/nothing"),
)
Found = dict[str, str]


def media(catalog: ScriptedCatalog, number: int, url: str) -> None:
    """A track whose media lies at *url*, with credentials to send there."""
    headers = {"Authorization": f"Bearer {HEADER}", "Cookie": f"session={HEADER}"}
    track = {"id": number, "title": "One", "artist": "Ann", "album": "Blue", "media": {"url": url, "headers": headers}}
    catalog.reply(f"/tracks/{number}", answer(track), forever=True)


async def told(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    """What a command says, on both of its outputs."""
    child = await asyncio.create_subprocess_exec(
        *command(*arguments),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await child.communicate()
    return out.decode()


async def make_keys(server: Tonearm) -> dict[str, str]:
    """An admin's key, a reader's, and the text of a session."""
    keys: dict[str, str] = {}
    for name, scope in (("admin", "admin"), ("reader", "read")):
        headers = bearer(keys["admin"]) if keys else {}
        _, body = await server.call("POST", "/keys", json={"name": name, "scope": scope}, headers=headers)
        keys[name] = str(body["key"])
    reader = {"key": keys["reader"]}
    async with aiohttp.ClientSession(server.url) as http, http.post(f"{PREFIX}/login", json=reader) as logged_in:
        keys["session"] = logged_in.cookies["tonearm_session"].value
    return keys


async def run_jobs(server: Tonearm, admin: str, found: Found) -> None:
    """Jobs that fail in each way in which a credential is at hand; their records to their ends."""
    for number in range(1, 6):
        job = {"job": {"type": "track", "trackId": number, "quality": "LOSSLESS"}}
        _, body = await server.call("POST", "", json=job, headers=bearer(admin))

        async def failed(path: str = f"/{body['jobId']}") -> str | None:
            _, one = await server.call("GET", path, headers=bearer(admin))
            return str(one) if one["job"]["status"] == "failed" else None

        found[f"job {number}"] = await until(f"job {number} fails", failed)


async def ask(process: Tonearm, keys: Mapping[str, str], found: Found) -> None:
    """Everything that a process answers, with keys in all places where they belong and where they do not."""
    shown = [
        *({"X-Api-Key": keys["admin"]}, {"Cookie": f"tonearm_session={keys['session']}"}, bearer(keys["reader"])),
        *(
            {"Authorization": f"Basic {keys['admin']}"},
            {"Cookie": f"other={keys['session']}"},
            {"Range": keys["admin"]},
        ),
    ]
    async with aiohttp.ClientSession(process.url) as http:
        paths = ["/", "/metrics", "/healthz", "/readyz", "/openapi.json", *(PREFIX + page for page in PAGES)]
        for path in paths:
            for headers in shown:
                async with http.get(path, headers=headers, params={"api_key": keys["admin"]}) as one:
                    found[f"{process.command} {path} {[*headers]}"] = await one.text() + str(one.headers)
        for body in ({"key": 5, "name": keys["reader"]}, {"key": keys["reader"] + "x"}, {"key": [keys["reader"]]}):
            async with http.post(f"{PREFIX}/login", json=body) as one:
                found[f"{process.command} login {[*body]}"] = await one.text() + str(one.headers)
    for pid in (process.pid, *children(process.pid)):
        found[f"{process.command} arguments of {pid}"] = command_line(pid).decode()


async def test_no_secret_leaves_a_process(tmp_path: Path) -> None:
    """A server and a worker at `debug`, one with each form of log, through failures of all that they are let into."""
    found: Found = {}
    async with ScriptedCatalog() as catalog:
        media(catalog, 1, f"{catalog.url}/media/1?token={SIGNED}")
        media(catalog, 2, f"http://joe:{USER}@127.0.0.1:{catalog.port}/media/2?X-Amz-Signature={SIGNED}")
        media(catalog, 3, f"http://192.168.0.1/3?api_key={SIGNED}")
        media(catalog, 4, f"https://127.0.0.1:{catalog.port}/media/4?access_token={SIGNED}")
        catalog.reply("/tracks/5", status(401), forever=True)
        with RedisServer(password=REDIS) as redis:
            address = redis.url_of(None, REDIS)
            hook = f"https://joe:{USER}@192.168.0.2/{HEADER}?token={SIGNED}"
            secrets = {
                "INTERNAL_API_TOKEN": CATALOG,
                "QUEUE_WEBHOOK_SECRET": WEBHOOK,
                "QUEUE_WEBHOOK_URLS": hook,
                "QUEUE_NOTIFY_URLS": f"json://joe:{MESSAGE}@127.0.0.1:9/{MESSAGE}?+Token={MESSAGE}",
            }
            site = Site(tmp_path, catalog.url, address, **secrets, LOG_LEVEL="debug", QUEUE_MAX_RETRIES=0)
            server = site.server("one", arguments=("--no-worker",), QUEUE_FALLBACK="off")
            async with server, site.worker("two", LOG_FORMAT="json") as worker:
                keys = await make_keys(server)
                await run_jobs(server, keys["admin"], found)
                await ask(server, keys, found)
                await ask(worker, keys, found)
                await run_commands(tmp_path, {"REDIS_URL": address, **secrets, "INTERNAL_API_URL": catalog.url}, found)
                redis.shut_down()
                await until("the worker says so", lambda: "does not answer" in worker.log.read_text())
                found["an absent queue"] = str(await server.call("GET", "/health", headers=bearer(keys["admin"])))
                assert "503" in found["an absent queue"]
            found["log"], found["log as JSON"] = server.log.read_text(), worker.log.read_text()

    assert "A webhook was not received" in found["log"] + found["log as JSON"]
    assert "did not take the message" in found["log"] + found["log as JSON"]
    assert "[debug]" in found["log"]
    assert '"level": "debug"' in found["log as JSON"]
    for place, text in found.items():
        for secret in (*PLANTED, *keys.values()):
            at = text.find(secret)
            assert at < 0, (place, secret, text[max(0, at - 300) : at + 100])


async def run_commands(folder: Path, settings: Mapping[str, str], found: Found) -> None:
    """Commands that read the settings, well and with each address wrong."""
    for arguments in (("config",), ("config", "--json"), ("doctor",)):
        found[" ".join(arguments)] = await told(folder, settings, *arguments)
    assert found["config"].count("***") >= 3
    assert "ok " in found["doctor"]
    redis, catalog = settings["REDIS_URL"], settings["INTERNAL_API_URL"]
    for arguments, name, address in (
        (("doctor",), "REDIS_URL", redis.replace("@", "x@")),
        (("config",), "REDIS_URL", redis.replace("@", "#@")),
        (("doctor",), "REDIS_URL", f"{redis}@x"),
        (("config",), "INTERNAL_API_URL", catalog.replace("//", f"//joe:{USER}@")),
        (("config",), "INTERNAL_API_URL", f"ftp://joe:{USER}@x"),
    ):
        found[f"{arguments} {address}"] = await told(folder, {**settings, name: address}, *arguments)
