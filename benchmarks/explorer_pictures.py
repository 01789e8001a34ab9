"""Seconds until the explorer's first picture, and until a change is drawn, in headless Chromium.

    python benchmarks/explorer_pictures.py           # 12 sizes x 30 seeds, 50 records each

Three things apart: the start of the server (Python, imports, reading the study) until it says its
address; from asking for the page to the first curves, to the exponents and to their intervals; and
from a click or a key to the frame that shows its effect in what is on the screen. The first curves
come twice: as a still that the page itself holds, with the same curves and axes, and as the figure
that plotly.js draws in its place, which can be pointed at. A Dash page with one figure of three
points and nothing else says how much of the latter any such page takes.

Moments are taken in the page itself, at the first frame in which something is there. Beside them
are the processor seconds that the server and the browser (all its processes) took meanwhile, which
say what an idle machine would need where this one is busy. A browser's first page compiles the
scripts; so do the later ones here, since every server has a port, and so an origin, of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page, sync_playwright

from normlaws.curves import Curves
from normlaws.laws import plant

TICK = os.sysconf("SC_CLK_TCK")
QUIET = 2500  # milliseconds without a figure drawn
NOTES = """
window.noted = {}; window.plots = []; window.acted = 0; window.told = 0; window.said = '';
for (const kind of ['click', 'keydown'])
  document.addEventListener(kind, () => { window.acted = performance.now(); }, true);
(function look() {
  const now = performance.now();
  const note = (name, there) => { if (there && !(name in noted)) noted[name] = now; };
  const cells = [...document.querySelectorAll('#exponents td.number')];
  note('still', document.querySelector('.still path'));
  note('blank', document.querySelector('#blank .scatterlayer .trace'));
  const words = ['exponents', 'window-said', 'cut-said'].map(name =>
    (document.querySelector('#' + name) || {}).textContent).join();
  if (words !== said) { said = words; told = now; }
  note('picture', document.querySelector('#figure-step .scatterlayer .trace'));
  note('exponents', cells.length);
  note('intervals', cells.some(one => one.textContent.includes(' to ')));
  for (const plot of document.querySelectorAll('.js-plotly-plot'))
    if (plot.on && !plot.watched) {
      plot.watched = true;
      plot.on('plotly_afterplot', () => plots.push([plot.parentElement.id, performance.now()]));
    }
  requestAnimationFrame(look);
})();
"""
DONE = f"""() => performance.now() - acted > {QUIET} && plots.every(([, at]) =>
  performance.now() - at > {QUIET}) && 'intervals' in noted
  && document.querySelector('#clocks').textContent !== '…'
  && ![...document.querySelectorAll('#exponents td.number')].some(one => one.textContent === '…')"""


@dataclass(frozen=True)
class Spent:
    """Wall seconds, and processor seconds of the server and of the browser."""

    wall: float
    server: float
    browser: float


def processor_seconds(root: int) -> float:
    """Of a process and all that it started and that still run."""
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
    family = {root}
    while more := {one for one, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(spent.get(one, 0.0) for one in family)


@contextmanager
def served(path: Path, resamples: int) -> Iterator[tuple[subprocess.Popen[str], str, Spent]]:
    """A server of its own process, its address, and what its start took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "normlaws", "explore", str(path), "--no-browser"]
    server = subprocess.Popen(
        [*command, "--resamples", str(resamples)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        said = ""
        while "http://" not in said:
            said = server.stdout.readline()
        wall = time.perf_counter() - start
        address = said[said.index("http://") :].split()[0]
        yield server, address, Spent(wall, processor_seconds(server.pid), 0.0)
    finally:
        server.terminate()
        server.wait()


class Watch:
    """What server and browser spend while something happens."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.before = self._now()

    def _now(self) -> tuple[float, float]:
        server = processor_seconds(self.server)
        return server, processor_seconds(os.getpid()) - server

    def spent(self, milliseconds: float) -> Spent:
        """Since the watch was made; the browser's share holds this script's own."""
        server, browser = self._now()
        return Spent(milliseconds / 1000, server - self.before[0], browser - self.before[1])


MOMENTS = {
    "still": "still picture",
    "picture": "figure",
    "exponents": "exponents",
    "intervals": "intervals",
}
BLANK = """
from dash import Dash, dcc
from werkzeug.serving import make_server
app = Dash()
app.layout = dcc.Graph(id="blank", figure={"data": [{"y": [1, 3, 2]}]})
server = make_server("127.0.0.1", 0, app.server, threaded=True)
print(f"http://127.0.0.1:{server.port}/", flush=True)
server.serve_forever()
"""


@contextmanager
def blank() -> Iterator[tuple[str, int]]:
    """The address and the process of a Dash page with one small figure."""
    command = [sys.executable, "-c", BLANK]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip(), server.pid
    finally:
        server.terminate()
        server.wait()


def moment(page: Page, address: str, server: int, name: str) -> Spent:
    """Open a page and wait for one moment."""
    watch = Watch(server)
    page.goto(address, wait_until="commit")
    page.wait_for_function(f"() => {name!r} in window.noted", timeout=300_000)
    return watch.spent(page.evaluate(f"noted.{name}"))


def opened(page: Page, address: str, server: int) -> dict[str, Spent]:
    """Open the page and wait for picture, exponents and intervals."""
    watch, found = Watch(server), {}
    page.goto(address, wait_until="commit")
    for name in MOMENTS:
        page.wait_for_function(f"() => {name!r} in window.noted", timeout=300_000)
        found[name] = watch.spent(page.evaluate(f"noted.{name}"))
    page.wait_for_function(DONE, timeout=300_000)
    return found


def changed(page: Page, server: int, act: Callable[[], Any], laws: bool) -> Spent:
    """Do something and wait until what is on the screen shows it.

    Args:
        page: open already.
        server: its process.
        act: what to do.
        laws: whether to wait for the curves with the new laws and for the exponents, and not for
            the curves against norm and step.
    """
    page.evaluate("void (plots.length = 0)")
    watch = Watch(server)
    act()
    names = [f"figure-{name}" for name in (("norm",) if laws else ("norm", "step"))]
    first = (
        "names => Math.max(told > acted || !LAWS ? told : NaN, ...names.map(name => "
        "(plots.find(([of, at]) => of === name && at > acted) || [])[1]))"
    ).replace("LAWS", str(laws).lower())
    page.wait_for_function(f"names => ({first})(names) > 0", arg=names, timeout=300_000)
    found = watch.spent(page.evaluate(f"names => ({first})(names) - acted", names))
    page.wait_for_function(DONE, timeout=300_000)
    return found


CHANGES: dict[str, tuple[Callable[[Page], Any], bool]] = {
    "single runs in place of means": (lambda p: p.get_by_label("single runs").check(), False),
    "means again": (lambda p: p.get_by_label("mean over seeds").check(), False),
    "a size hidden": (
        lambda p: p.get_by_role("checkbox", name="400", exact=True).uncheck(),
        False,
    ),
    "another norm: curves": (lambda p: choose(p, "frobenius"), False),
    "the first norm: curves, laws": (lambda p: choose(p, "spectral_complexity"), True),
    "smallest size left out: laws": (lambda p: cut(p), True),
    "early window moved: laws": (lambda p: move_window(p), True),
}


def choose(page: Page, norm: str) -> None:
    page.evaluate(
        "value => { acted = performance.now(); dash_clientside.set_props('norm', { value }); }",
        norm,
    )


def cut(page: Page) -> None:
    page.get_by_role("slider", name="Sizes in the fit, from").press("ArrowRight")


def move_window(page: Page) -> None:
    page.get_by_role("slider", name="Early window, log norm, from").press("ArrowRight")


def study(folder: str, sizes: int, seeds: int, records: int) -> Path:
    """A planted study with two norms."""
    planted = plant(sizes=[100 * 2**at for at in range(sizes)], seeds=seeds, records=records)
    frame = planted.frame.assign(log_frobenius=0.5 * planted.frame["log_spectral_complexity"])
    return Curves(frame, planted.runs).write(Path(folder) / "study.parquet")


def report(name: str, found: list[Spent]) -> None:
    wall, server, browser = (
        statistics.median(getattr(one, part) for one in found)
        for part in ("wall", "server", "browser")
    )
    print(f"{name:42} {wall:7.2f} {server:8.2f} {browser:9.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--records", type=int, default=50)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{given.sizes * given.seeds} runs of {given.records} records; seconds")
    print(f"{'':42} {'wall':>7} {'server':>8} {'browser':>9}  (the last two: of a processor)")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = study(folder, given.sizes, given.seeds, given.records)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.add_init_script(NOTES)
        starts, pages = [], []
        for _ in range(given.repeats + 1):  # a new server knows no fit
            with served(path, given.resamples) as (server, address, start):
                starts.append(start)
                pages.append(opened(page, address, server.pid))
        report("server: start, imports, study read", starts)
        for title, chosen in (("a browser's first page", pages[:1]), ("later pages", pages[1:])):
            for name, says in MOMENTS.items():
                report(f"{title}: {says}", [one[name] for one in chosen])
        with blank() as (address, server):
            report("a blank Dash page: figure", [moment(page, address, server, "blank")])
        with served(path, given.resamples) as (server, address, _):
            opened(page, address, server.pid)
            for name, (act, laws) in CHANGES.items():
                report(name, [changed(page, server.pid, lambda act=act: act(page), laws)])
        browser.close()


if __name__ == "__main__":
    main()
