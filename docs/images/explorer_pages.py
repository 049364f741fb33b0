"""Takes explore.png and record.png, the pages of the explorer on a desktop: ``python docs/images/explorer_pages.py``.

Needs Chromium; run it from the repository root.
"""

import tempfile
from pathlib import Path

import regretlab as rl
from tests.explore.test_browser import explored
from tests.oracles.chromium import launched


def main() -> None:
    """Open the page of a scenario and that of a record, and photograph both."""
    scenario = rl.Scenario("gamma(4, scale=0.01)", workers=4, rule="max-time")
    desktop = {"width": 1280, "height": 900}
    with tempfile.TemporaryDirectory() as folder, launched() as browser:
        record = rl.run(scenario, env="stacker", policy="random", clock="virtual", frames=900, out=f"{folder}/my-run")
        with explored() as address:
            page = browser.new_page(viewport=desktop)
            page.goto(address)
            page.get_by_text("Plan.").wait_for(timeout=90_000)
            page.wait_for_timeout(2000)
            page.screenshot(path=Path(__file__).with_name("explore.png"), full_page=True)
        with explored(record.directory) as address:
            page = browser.new_page(viewport=desktop)
            page.goto(address)
            page.locator("img[alt='screen of the frame']").wait_for(timeout=90_000)
            handle = page.get_by_text("Frame: ").locator("xpath=..").locator(".noUi-handle").first
            handle.focus()
            for key in ["Home", *["PageUp"] * 4]:
                handle.press(key)
            page.wait_for_timeout(6000)
            page.screenshot(path=Path(__file__).with_name("record.png"), full_page=True)


if __name__ == "__main__":
    main()
