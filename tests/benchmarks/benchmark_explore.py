"""How long the explorer takes to redraw closed forms: from a key on a slider, in Chromium, until the figure changes.

Run ``python -m tests.benchmarks.benchmark_explore``. The aim is 100 ms. Needs Chromium and an idle machine.
"""

import os
import statistics
import time

from tests.explore.test_browser import FIND, explored
from tests.oracles.chromium import launched

PRESSES = 40
WATCH = f"""() => {{
  const source = ({FIND})('rules'), before = source.data, began = performance.now()
  window.redrawn = new Promise((end) => {{
    const look = () => source.data !== before
      ? requestAnimationFrame(() => end(performance.now() - began)) : requestAnimationFrame(look)
    look()
  }})
}}"""


def main():
    """Print the median and the 95 % quantile of the milliseconds from key to figure."""
    with launched() as browser, explored() as address:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.get_by_text("Plan.").wait_for(timeout=90_000)
        workers = page.get_by_text("Workers: ").locator("xpath=..").locator(".noUi-handle").first
        workers.focus()
        times = []
        for number in range(PRESSES):
            page.evaluate(WATCH)
            workers.press("ArrowLeft" if number % 2 else "ArrowRight")
            times.append(page.evaluate("window.redrawn"))
            time.sleep(0.05)
    times.sort()
    print(f"redraw of closed forms, {PRESSES} key presses: median {statistics.median(times):.0f} ms, 95 % within")
    print(f"{times[int(0.95 * PRESSES)]:.0f} ms; aim 100 ms; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
