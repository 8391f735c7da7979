"""The page in a real browser: sorting, filtering, themes, widths; screenshots for people."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hgl.report.page import Material, write_report
from tests.report.page import made

BOARD = "#leaderboard article:last-of-type table"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no browser: install chromium and chromedriver (chromium-driver on Debian)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "hide-scrollbars",
    ):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def opened(browser: Any, material: Material, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The browser at the page."""
    out = tmp_path_factory.mktemp("browser") / "report.html"
    write_report(material, out)
    browser.get(out.as_uri())
    return browser


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("HGL_ARTEFACTS") or tmp_path_factory.mktemp("artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def all_of(browser: Any, query: str) -> list[Any]:
    return browser.find_elements("css selector", query)


def column(browser: Any, number: int) -> list[str]:
    """The texts of a column of the last leaderboard, as far as they are shown."""
    cells = all_of(browser, f"{BOARD} tbody tr > :nth-child({number})")
    return [cell.text.split("\n")[0].split(" ")[0] for cell in cells if cell.is_displayed()]


def choose(browser: Any, key: str, value: str) -> None:
    (select,) = all_of(browser, f"select[name={key}]")
    (option,) = [o for o in select.find_elements("tag name", "option") if o.text == value]
    option.click()


def emulate(browser: Any, theme: str, width: int) -> None:
    feature = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def test_a_click_sorts_and_another_turns_round_with_the_unknown_last(opened: Any) -> None:
    (heading,) = all_of(opened, f"{BOARD} thead th:nth-child(2)")
    before = column(opened, 2)
    heading.find_element("tag name", "button").click()
    scores = column(opened, 2)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert scores[-1] == "–"
    assert scores[:-1] == sorted(scores[:-1]) != before[:-1]
    heading.find_element("tag name", "button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(opened, 2) == [*sorted(scores[:-1], reverse=True), "–"]


def test_sorting_works_from_the_keyboard(opened: Any) -> None:
    (button,) = all_of(opened, f"{BOARD} thead th:nth-child(1) button")
    button.send_keys("\ue007")
    assert column(opened, 1) == sorted(column(opened, 1))


def test_filters_hide_what_differs_everywhere_and_reset_brings_it_back(opened: Any) -> None:
    (count,) = all_of(opened, "form output")
    assert count.text == "13 of 13 records"
    choose(opened, "model", made.HOSTILE)
    assert count.text == "4 of 13 records"
    shown = [f for f in all_of(opened, "#calibration figure") if f.is_displayed()]
    assert len(shown) == 2
    choose(opened, "regime", "rolling, inclusive")
    assert count.text == "2 of 13 records"
    assert [a.is_displayed() for a in all_of(opened, "#leaderboard article")] == [False, True]
    from selenium.webdriver.support.ui import WebDriverWait

    (reset,) = all_of(opened, "form button[type=reset]")
    reset.click()
    # What a reset leaves is looked at once the browser has done it.
    WebDriverWait(opened, 10).until(lambda _: count.text == "13 of 13 records")


def test_the_theme_follows_the_system_until_it_is_chosen(opened: Any) -> None:
    def back() -> str:
        return opened.execute_script("return getComputedStyle(document.body).backgroundColor")

    emulate(opened, "light", 1280)
    light = back()
    emulate(opened, "dark", 1280)
    dark = back()
    (button,) = all_of(opened, "#theme")
    button.click()
    assert light != dark
    assert back() == light
    button.click()
    assert back() == dark
    opened.execute_script("delete document.documentElement.dataset.theme")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_has_its_picture_taken(
    opened: Any, artefacts: Path, theme: str, width: int
) -> None:
    emulate(opened, theme, width)
    wide, tall = opened.execute_script(
        "const e = document.documentElement; return [e.scrollWidth, e.scrollHeight]"
    )
    assert wide == width
    clip = {"x": 0, "y": 0, "width": width, "height": min(tall, 6000), "scale": 1}
    asked = {"captureBeyondViewport": True, "clip": clip}
    taken = opened.execute_cdp_cmd("Page.captureScreenshot", asked)
    file = artefacts / f"report-{theme}-{width}.png"
    file.write_bytes(base64.b64decode(taken["data"]))
    assert file.stat().st_size > 20_000


def test_no_word_of_complaint_and_no_request(opened: Any) -> None:
    assert opened.get_log("browser") == []
    sent = [
        e["message"] for e in opened.get_log("performance") if "requestWillBeSent" in e["message"]
    ]
    assert all('"url":"file://' in message for message in sent)
