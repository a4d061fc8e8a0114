"""Texts: markup is shown and never read as markup, and every language says everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Noise, Open, Tab
from tests.support.catalog import ScriptedCatalog, status
from tests.support.server import Tonearm, tonearm

from tonearm.errors import FailureCode, RefusalCode

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>&amp;"
VIOLATIONS = """globalThis.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));"""
BANNER = """async ({language, state, health}) => {
    const { makeBanner } = await import('./web/manager/banner.js');
    const { Texts } = await import('./web/manager/texts.js');
    const banner = makeBanner({ texts: new Texts(language), retry() {} });
    const connection = { mode: 'live', code: null, staleSince: null, retryAt: null, error: null };
    const worker = { running: true, holding: state.warning ? undefined : 'THEIRS', resting: state.resting };
    banner.update({ connection, worker, ...state }, { paused: false, silence: null }, health);
    return banner.element.querySelector('p').innerText;
}"""
RESTING = {"resting": [{"host": "h", "until": 1}]}
MATTERS: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
    ("banner.standIn", {"warning": "THEIRS", "source": "local"}, None),
    ("banner.warning", {"warning": "THEIRS", "source": "redis"}, None),
    ("banner.holding.disk", RESTING, {"disk": {"freeBytes": 1, "minBytes": 2}}),
    ("banner.holding.catalog", RESTING, None),
    ("banner.holding.other", {}, {"disk": {"freeBytes": None, "minBytes": 2}}),
]
"""What the banner says by which state and health."""
NEVER_ASKED = {
    "INVALID_JSON",
    "INVALID_JOB",
    "INVALID_CURSOR",
    "IDEMPOTENCY_MISMATCH",
    "METHOD_NOT_ALLOWED",
    "UNSUPPORTED_MEDIA_TYPE",
    "PAYLOAD_TOO_LARGE",
    "REQUEST_TIMEOUT",
    "WRONG_HOST",
    "TOO_MANY_STREAMS",
}
"""Refusals of what this page does not do: if one comes after all, the server's words stand behind a common sentence."""
FOUND = """() => {
    const root = document.querySelector('download-manager').shadowRoot;
    const outside = document.querySelectorAll('img, body script');
    return root.querySelectorAll('img[src=x], script, [onerror]').length + outside.length;
}"""


async def test_markup_in_every_text_is_shown_as_text(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog, noise: Noise
) -> None:
    """Titles, artists, track names, files, errors, questions, notices; the policy had nothing to stop."""
    catalog.add_track(7, media_url=f"{catalog.url}/media/7", title=f"T{MARKUP}", artist=f"A{MARKUP}")
    catalog.add_album(8, [7], title=f"B{MARKUP}", artist=f"C{MARKUP}")
    catalog.reply("/media/7", status(404), forever=True)
    catalog.add_track(9, body=noise(9).read_bytes(), title=f"F{MARKUP}", artist=f"A{MARKUP}")
    catalog.add_album(10, [9], title=f"G{MARKUP}", artist=f"C{MARKUP}")
    await server.wait_for(await server.submit("album", 8))
    await server.wait_for(await server.submit("track", 7))
    await server.wait_for(await server.submit("album", 10))
    tab: Tab = await visit("about:blank")
    await tab.page.add_init_script(VIOLATIONS)
    await tab.page.goto(server.url)
    dialogs: list[str] = []
    tab.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await expect(tab.page.get_by_role("button", name=f"B{MARKUP}", exact=True)).to_be_visible()
    await tab.page.get_by_role("button", name=f"B{MARKUP}", exact=True).click()
    await expect(tab.page.get_by_role("heading", name=f"B{MARKUP}")).to_be_visible()
    await expect(tab.page.locator(".track")).to_contain_text(f"T{MARKUP}")
    await (await tab.open(f"G{MARKUP}")).get_by_text("img src").first.wait_for()  # its file
    await tab.page.keyboard.press("Escape")
    await tab.row(f"T{MARKUP}").get_by_role("button", name="Retry").click()
    await expect(tab.page.locator(".notice")).to_contain_text(f"T{MARKUP}")

    assert await tab.page.evaluate("violations") == []
    assert await tab.page.evaluate(FOUND) == 0
    assert dialogs == []
    assert tab.errors == []


async def test_a_very_long_title_does_not_break_the_page(visit: Open, tmp_path: Path, catalog: ScriptedCatalog) -> None:
    """Two thousand characters are cut in the list and whole in the details."""
    title = "Long" * 500
    async with tonearm(tmp_path, catalog.url, QUEUE_MAX_BODY_BYTES=8_192) as server:
        await server.submit("track", 1, titled=title, startPaused=True)
        tab: Tab = await visit(server.url, width=390)
        await expect((await tab.open("Long")).get_by_role("heading")).to_have_text(title)

        assert await tab.page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_every_language_has_every_text_and_its_places(visit: Open, server: Tonearm) -> None:
    """The same keys, and the same {places} in each of them; the banner says its own, and then what the server says."""
    tab: Tab = await visit(server.url)
    languages = await tab.page.evaluate("async () => (await import('./web/manager/texts.js')).LANGUAGES")
    for language, texts in languages.items():
        for key, state, health in MATTERS:
            about = {"language": language, "state": state, "health": health}
            assert await tab.page.evaluate(BANNER, about) == f"{texts[key]} THEIRS", (language, key)
    english = languages.pop("en")

    def places(text: object) -> set[str]:
        whole = " ".join(text.values()) if isinstance(text, dict) else str(text)
        return {part.partition("}")[0] for part in whole.split("{")[1:]}

    assert len(languages) == 2
    assert english.keys() >= {f"{part}.{code}" for part in ("reason", "advice") for code in FailureCode}
    assert english.keys() >= {f"refused.{code}" for code in RefusalCode} - {f"refused.{code}" for code in NEVER_ASKED}
    for name, texts in languages.items():
        assert texts.keys() == english.keys(), name
        assert [key for key, text in texts.items() if places(text) != places(english[key])] == [], name


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("de-DE", ("Musik hinzufügen", "Das gibt es dort nicht", "hinzugefügt", "eine ganze Zahl von 1 bis")),
        ("fr-FR", ("Ajouter de la musique", "Introuvable", "ajouté", "un nombre entier de 1 à")),
        ("xx", ("Add music", "It is not there", "added", "a whole number from 1 to")),
    ],
)
async def test_the_page_speaks_the_language_of_the_browser(
    visit: Open, server: Tonearm, locale: str, said: tuple[str, str, str, str]
) -> None:
    """Down to the reason of a failure, with the server's words behind it, the history and a refusal; else English."""
    words, reason, added, refused = said
    job = await server.wait_for(await server.submit("track", 99, titled="Red"))
    tab: Tab = await visit(server.url, language=locale)
    await expect(tab.page.get_by_role("button", name=words).first).to_be_visible()
    await expect(tab.row("Red").locator(".subtitle")).to_have_text(f"{reason} · {job['error']}")
    await tab.row("Red").locator("button.title").click()
    await expect(tab.page.locator(".entry").first).to_contain_text(added)
    await tab.page.get_by_role("button", name=words).first.click()
    await tab.page.locator("[name=id]").fill("five")
    await tab.page.locator("[name=id]").press("Enter")
    await expect(tab.page.get_by_role("alert").filter(has_text=refused)).to_be_visible()


FIGURES = """async ([languages, wanted]) => {
    Object.defineProperty(navigator, 'languages', { value: languages, configurable: true });
    const { Texts } = await import('./web/manager/texts.js');
    const { language, formats } = new Texts(wanted);
    const said = [language, formats.number(1234567.5), formats.list(['a', 'b']), formats.duration(90_000)];
    return said.map((text) => text.replace(/\\s/g, ' '));
}"""


@pytest.mark.parametrize(
    ("languages", "wanted", "said"),
    [
        (["es", "en-US"], "", ["en", "1.234.567,5", "a and b", "1 day 1 hr"]),
        (["en-IN", "de"], "", ["en", "12,34,567.5", "a and b", "1 day 1 hr"]),
        (["en-US@posix", "de"], "", ["en", "1.234.567,5", "a and b", "1 day 1 hr"]),
        (["es", "en-US"], "fr", ["fr", "1 234 567,5", "a et b", "1 j 1 h"]),
        ([], "", ["en", "1,234,567.5", "a and b", "1 day 1 hr"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value,
)
async def test_numbers_go_by_the_locale_of_the_browser(
    visit: Open, server: Tonearm, languages: list[str], wanted: str, said: list[str]
) -> None:
    """And words by the first of its languages that there is; a language that was asked for has its own numbers."""
    tab: Tab = await visit(server.url)
    assert await tab.page.evaluate(FIGURES, [languages, wanted]) == said
