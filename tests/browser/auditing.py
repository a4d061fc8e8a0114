"""Auditing: axe looks at what a page shows, by all of its rules and in both themes."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.async_api import Page

COLOURS = ["color-contrast", "color-contrast-enhanced", "link-in-text-block"]
"""The rules that another theme may break."""
AXE = """async ({parts, rules}) => {
    const all = axe.getRules().filter(({tags}) => !tags.includes('deprecated')).map(({ruleId}) => ruleId);
    const values = rules.length ? rules : all;
    const context = parts.length ? {fromShadowDom: ['download-manager', parts.join()]} : document;
    const {violations} = await axe.run(context, {runOnly: {type: 'rule', values}, resultTypes: ['violations']});
    return violations.flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


async def audit(page: Page, *parts: str, themes: tuple[str, ...] = ("light", "dark")) -> list[str]:
    """What axe finds in *parts* of the manager, by default in all of the page: by all rules, and by colours again."""
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate(Axe().axe_script)
    found: list[str] = []
    for scheme in themes:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # a word of its list
        rules = [] if scheme == themes[0] else COLOURS
        found += [f"{scheme}: {each}" for each in await page.evaluate(AXE, {"parts": parts, "rules": rules})]
    return found
