"""Seconds until the explorer's first picture, and until a change is drawn, in headless Chromium.

    python benchmarks/explorer_pictures.py           # 12 sizes x 30 seeds, 50 records each

Wall seconds, and processor seconds of the server and of the browser together, which say what an
idle machine would need where this one is busy. The first load of all, in which the browser compiles
the page's scripts and the server imports what it draws with, is given apart.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from normlaws.explore.server import prepare
from normlaws.laws import plant

TICK = os.sysconf("SC_CLK_TCK")
CURVES = "#figure-{name} .scatterlayer .trace"
DRAWN = """async () => {
  const plot = document.querySelector('#figure-norm .js-plotly-plot');
  await new Promise(done => plot.once('plotly_afterplot', done));
}"""


def processor_seconds() -> float:
    """Of this process and all that it started and that still run."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            spent[int(folder.name)] = (int(fields[11]) + int(fields[12])) / TICK
    family = {os.getpid()}
    while more := {one for one, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(one, 0.0) for one in family)


def timed(act: Callable[[], Any]) -> tuple[float, float]:
    """(wall seconds, processor seconds) of an act."""
    wall, processor = time.perf_counter(), processor_seconds()
    act()
    return time.perf_counter() - wall, processor_seconds() - processor


@contextmanager
def served(path: Path, resamples: int) -> Iterator[str]:
    """The address of a study's page."""
    server = prepare(path, resamples=resamples)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.shutdown()
        thread.join()


def opened(page: Page, address: str) -> None:
    """Until the first curves are there: those against the step, which need no fit."""
    page.goto(address)
    expect(page.locator(CURVES.format(name="step")).first).to_be_attached(timeout=120_000)


def fitted(page: Page) -> None:
    """Until curves against the norm are there, with the early window and the optima."""
    expect(page.locator(CURVES.format(name="norm")).first).to_be_attached(timeout=120_000)


def settled(page: Page) -> None:
    """Until intervals stand beside the exponents, so that nothing runs beside the next change."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('#exponents td.number')].some("
        "one => one.textContent.includes(' to '))",
        timeout=300_000,
    )
    page.wait_for_timeout(500)


def changed(page: Page, act: Callable[[], Any]) -> None:
    """Do something and wait until the figure against the norm is drawn anew."""
    page.evaluate(f"void (window.drawn = ({DRAWN})())")
    act()
    page.evaluate("window.drawn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--records", type=int, default=50)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    sizes = [100 * 2**place for place in range(given.sizes)]
    print(f"{given.sizes * given.seeds} runs of {given.records} records")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = plant(sizes=sizes, seeds=given.seeds, records=given.records).write(
            Path(folder) / "study.parquet"
        )
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        with served(path, given.resamples) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            report("first load of all", [timed(lambda: opened(page, address))])
            settled(page)
        first, then = [], []
        for _ in range(given.repeats):  # a new server knows no fit
            with served(path, given.resamples) as address:
                first.append(timed(lambda address=address: opened(page, address)))
                then.append(timed(lambda: fitted(page)))
                settled(page)
        report("first picture", first)
        report("then, with the fit", then)
        with served(path, given.resamples) as address:
            opened(page, address)
            settled(page)
            for name, act in (
                ("single runs in place of means", lambda: page.get_by_label("single runs").check()),
                ("means again", lambda: page.get_by_label("mean over seeds").check()),
                (
                    "a size hidden",
                    lambda: page.get_by_role("checkbox", name="400", exact=True).uncheck(),
                ),
                ("smallest size left out", lambda: cut(page)),
            ):
                report(name, [timed(lambda act=act: changed(page, act))])
                page.wait_for_timeout(3000)
        browser.close()


def cut(page: Page) -> None:
    edge = page.get_by_role("slider", name="Sizes in the fit, from")
    edge.focus()
    edge.press("ArrowRight")


def report(name: str, found: list[tuple[float, float]]) -> None:
    wall, processor = (statistics.median(values) for values in zip(*found, strict=True))
    print(f"{name:32} {wall:6.2f} s wall  {processor:6.2f} s processor", flush=True)


if __name__ == "__main__":
    main()
