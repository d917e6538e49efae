"""The page's scripts and style sheets: the bundle of modules, and all that depends on Gradio's own markup."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from playground.ui import assets
from playground.ui.assets import text_beside
from playground.ui.assets.bundle import bundle
from tests.browser.conftest import Watched

GRADIO_DOM = text_beside(assets.__file__, "gradio_dom.js")
SELECTORS = dict(re.findall(r'^  (\w+): "(.+)",$', GRADIO_DOM, re.MULTILINE))


def write(folder: Path, **modules: str) -> Path:
    """Modules as files; returns that of `main`."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / "main.js"


@pytest.fixture
def assets_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("playground.ui.assets.bundle.ROOT", tmp_path)
    return tmp_path


def test_bundle_runs_each_module_once_and_after_those_that_it_imports(assets_folder: Path, browser: Browser) -> None:
    main = write(
        assets_folder,
        main="""import { double } from "./double.js";
import { log, note as say } from "./log.js";
const private_name = 2;
say("main");
window.result = [double(private_name), log];
""",
        double="""import { note } from "./log.js";
const private_name = 21;
note("double");
export const double = (x) => private_name * x;
""",
        log="""export const log = [];
export function note(text) {
  log.push(text);
}
note("log");
""",
    )
    page = browser.new_page()
    page.add_script_tag(content=bundle(main))
    assert page.evaluate("result") == [42, ["log", "double", "main"]]
    assert page.evaluate("typeof private_name") == "undefined"
    page.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("export default 1;\n", "export default 1;"),
        ('import * as all from "./other.js";\n', "import \\* as all"),
        ('export * from "./other.js";\n', "export \\*"),
        ('import { a } from "./main.js";\n', "main.js imports itself through main.js"),
    ],
)
def test_bundle_refuses_what_it_cannot_rewrite(assets_folder: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        bundle(write(assets_folder, main=text, other=""))


def show_toasts(page: Page) -> None:
    """Refused values without a field in sight: they stay toasts, and Gradio counts them."""
    page.evaluate("document.querySelector('#control-steps').style.visibility = 'hidden'")
    page.locator("#control-steps input").evaluate(
        "(field) => { field.value = 0; field.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    for count in (1, 2):
        page.locator("#run").click()
        expect(page.locator(SELECTORS["toastMessage"])).to_have_count(count)


def matches(page: Page, selectors: list[str]) -> set[str]:
    """Those of the selectors that an element on the page has."""
    found: list[str] = page.evaluate(
        "(selectors) => selectors.filter((each) => document.querySelector(each))", selectors
    )
    return set(found)


def test_selectors_of_gradios_own_elements_find_them(open_page: Callable[..., Watched]) -> None:
    """Each class in gradio.css and each selector in gradio_dom.js is found in one of these states."""
    style = re.sub(r"/\*.*?\*/", "", text_beside(assets.__file__, "gradio.css"), flags=re.DOTALL)
    selectors = re.sub(r"{[^{}]*}", "", style)
    classes = sorted(set(re.findall(r"\.[a-zA-Z][\w-]*", selectors)))
    wanted = [*classes, *SELECTORS.values()]
    assert len(SELECTORS) == 5
    assert ".tab-wrapper" in classes
    page = open_page().page
    found = matches(page, wanted)
    for link in (
        "tab=prediction&analysis=out_of_distribution",
        "tab=training&lesson=1",
        "tab=sampling&steps=5&frame=1&present=1",
        "tab=sampling&steps=5&frame=1&present=0",
    ):
        page.evaluate(f"playground.navigate({json.dumps(link)})")
        page.wait_for_function("!playground.requests.state.pending && !playground.requests.sampling.running")
        found |= matches(page, wanted)
    show_toasts(page)
    page.wait_for_selector(".toast-count")
    found |= matches(page, wanted)
    page.locator("#share").click()
    expect(page.locator("#shared button").first).to_be_visible()
    found |= matches(page, wanted)
    assert set(wanted) - found == set()
