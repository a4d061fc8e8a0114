"""Sessions: who has logged in can log out, and a key that may not do something is told so where it was tried."""

from __future__ import annotations

import re

from playwright.async_api import expect
from tests.browser.conftest import SLOW, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.server import Tonearm


async def keys(server: Tonearm) -> dict[str, str]:
    """A key for each scope; from the first on the server asks for one."""
    _, admin = await server.call("POST", "/keys", json={"name": "root", "scope": "admin"})
    made = {"admin": admin["key"]}
    for scope in ("read", "submit", "control"):
        answer = await server.call(
            "POST", "/keys", json={"name": scope, "scope": scope}, headers={"X-Api-Key": made["admin"]}
        )
        made[scope] = answer[1]["key"]
    return made


async def log_in(tab: Tab, key: str) -> None:
    """By the form."""
    await tab.page.get_by_label("Key", exact=True).fill(key)
    await tab.page.get_by_role("button", name="Log in").click()
    await expect(tab.page.get_by_role("heading", name="Log in")).to_be_hidden()


async def test_who_logged_in_can_log_out(visit: Open, server: Tonearm) -> None:
    """Also after a reload, and in every tab; without keys there is nothing to leave."""
    tab: Tab = await visit(server.url)
    leave = tab.page.get_by_role("button", name="Log out")
    await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
    await expect(leave).to_be_hidden()
    made = await keys(server)
    await tab.page.reload()
    await expect(tab.page.locator(".login [autocomplete=username]")).to_be_hidden()  # for those that keep passwords
    await expect(tab.page.locator(".login [autocomplete=username]")).to_have_count(1)
    await log_in(tab, made["admin"])
    await expect(tab.page.get_by_role("heading", level=1)).to_be_focused()  # the form has gone
    await tab.page.reload()
    await expect(leave).to_have_accessible_name("Log out: root, may do everything")

    await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
    await tab.listen()
    await leave.click()
    await expect(tab.page.get_by_label("Key", exact=True)).to_be_focused()
    assert await tab.page.evaluate("heard") == []  # the connection was never lost
    await expect(leave).to_be_hidden()
    await tab.page.reload()
    await expect(tab.page.get_by_role("heading", name="Log in")).to_be_visible()
    assert tab.errors == []


async def test_what_a_key_may_not_do_is_not_offered(visit: Open, server: Tonearm) -> None:
    """Before the login there is nothing to press but that; a key that reads opens, copies and saves."""
    await server.wait_for(await server.submit("track", 1))
    made = await keys(server)
    tab: Tab = await visit(server.url)
    page = tab.page
    adding, pausing = (page.get_by_role("button", name=name, exact=True) for name in ("Add music", "Pause all"))
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await expect(adding.or_(pausing)).to_have_count(0)

    await log_in(tab, made["read"])
    details = await tab.open("Red")
    await expect(details.get_by_role("link", name="Save as ZIP")).to_be_visible()
    await expect(page.get_by_role("button", name="Remove").or_(adding).or_(pausing)).to_have_count(0)

    await page.get_by_role("button", name="Log out").click()
    await log_in(tab, made["submit"])
    await expect(details.get_by_role("button", name="Remove")).to_be_visible()
    await expect(adding).to_be_visible()
    await expect(pausing).to_have_count(0)
    assert tab.errors == []


async def test_what_a_key_may_not_do_is_said(visit: Open, server: Tonearm) -> None:
    """Where the browser forgot which key it was: at the form or as a notice; what was shown at once is taken back."""
    await server.wait_for(await server.submit("track", 1))
    made = await keys(server)
    tab: Tab = await visit(server.url)
    await log_in(tab, made["read"])
    await tab.page.evaluate("localStorage.clear()")
    await tab.page.reload()
    word = tab.page.get_by_text("Your key does not allow this. This needs a key with scope")

    await tab.add("track", 2)
    await expect(word).to_be_visible()
    await tab.close_dialog()
    await tab.page.get_by_role("button", name="Pause all").click()
    await expect(word.last).to_contain_text("scope control; this one has read")
    await expect(tab.page.get_by_role("button", name="Pause all")).to_be_visible()

    await tab.row("Red").get_by_role("button", name="Remove: Red").click()
    question = tab.page.get_by_role("dialog", name="Remove")
    await question.get_by_role("button", name="Remove").click()
    await expect(word.last).to_contain_text("scope submit")
    await expect(tab.row("Red").locator(".state")).to_have_text("Complete")


async def test_a_key_that_steers_may_remove_the_music_too(visit: Open, server: Tonearm) -> None:
    """The question has a box for it, which is not ticked; what somebody has changed stays, and that is said."""
    for number in (1, 2):
        await server.wait_for(await server.submit("track", number))
    [changed] = [path for path in server.library.rglob("*.flac") if "Green" in path.name]
    changed.write_bytes(changed.read_bytes() + b"mine")
    made = await keys(server)
    tab: Tab = await visit(server.url)
    await log_in(tab, made["control"])
    for title in ("Red", "Green"):
        await tab.row(title).get_by_role("button", name=f"Remove: {title}").click()
        question = tab.page.get_by_role("dialog", name="Remove")
        await expect(question.get_by_role("checkbox")).not_to_be_checked()
        await question.get_by_label("Delete its music from the library as well").check()
        await question.get_by_role("button", name="Remove").click()
        await expect(tab.row(title)).to_have_count(0)

    await expect(tab.page.locator(".notice").filter(has_text=changed.name)).to_contain_text("stays: ")
    assert [path.name for path in server.library.rglob("*.flac")] == [changed.name]
    assert tab.errors == []


async def test_after_the_logout_the_title_says_nothing_of_the_queue(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog
) -> None:
    """Neither how far it is nor that something runs: who may not look sees nothing of it."""
    catalog.reply("/media/1", slow(SLOW // 10), forever=True)
    await server.submit("track", 1)
    made = await keys(server)
    tab: Tab = await visit(server.url)
    await log_in(tab, made["admin"])
    await expect(tab.page).to_have_title(re.compile(r"^\d+ % · Tonearm$"))
    await tab.page.get_by_role("button", name="Log out").click()
    await expect(tab.page).to_have_title("Tonearm")
    assert await tab.page.get_attribute("link[rel=icon]", "href") == f"{server.url}/web/icon.svg"
