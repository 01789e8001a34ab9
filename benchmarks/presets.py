"""Wall and processor seconds of presets of solvable models, each with its report.

    python benchmarks/presets.py [PRESET ...]

Each runs by ``normlaws run`` in a fresh folder: theory, simulated students, laws and report. Wall
time counts on an otherwise idle machine; processor seconds include those of worker processes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time

PRESETS = ("random-features", "committee", "diagonal-network", "sparse-attention", "in-context")


def main() -> None:
    """Print a line for every preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=PRESETS)
    for preset in parser.parse_args().presets:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "normlaws", "run", preset, "--out", folder]
            wall, used = time.perf_counter(), of_children()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall, used = time.perf_counter() - wall, of_children() - used
        print(f"{preset}: {wall:.0f} s, {used:.0f} s of processors", flush=True)


def of_children() -> float:
    """Processor seconds of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
