"""A large study on disk: time to read it, to find that nothing is to do, and to fit it.

    python benchmarks/study_scale.py                # 2,000 runs of 40 records
    python benchmarks/study_scale.py --runs 400 --keep large

One run is trained; the others are planted curves with its columns and its record, written as a
finished study leaves them. Times are seconds of CPU, of a process of its own each, medians of
interleaved repeats, beside what they are compared with in the same repeats: the import alone, and
every file read by pandas and ``json`` without a check. ``normlaws run`` reads the curves when it
ends, which leaves their decoded rows in the user's cache, so that the first ``fit`` after a run
costs what "after normlaws run" says; "nothing kept" is a study that comes from elsewhere.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import tomli_w

from normlaws.curves.followed import Followed
from normlaws.laws import plant
from normlaws.storage.folder import StudyFolder
from normlaws.studies import Study
from normlaws.training import train

SIZES = [50 + 50 * index for index in range(20)]
SETTINGS = {
    "name": "large",
    "sizes": SIZES,
    "seeds": 100,
    "data": {"name": "digits", "validation": 300},
    "model": {"family": "mlp", "hidden": [16]},
    "training": {"steps": 20, "batch_size": 16, "records": 5},
}
PLAIN = """
import json, sys, pandas as pd
from pathlib import Path
parts = []
for folder in sorted(Path(sys.argv[1]).glob("runs/*")):
    record = json.loads((folder / "run.json").read_text())
    parts.append(pd.read_parquet(folder / "curve.parquet").assign(run=record["run"]))
pd.concat(parts)
"""
COMMANDS = {
    "import of normlaws.curves": "import sys; import normlaws.curves",
    "pandas and json, file by file": PLAIN,
    "Curves.read, nothing kept": (
        "import os, sys; os.environ['XDG_CACHE_HOME'] = os.devnull; "
        "from normlaws.curves import Curves; Curves.read(sys.argv[1])"
    ),
    "Curves.read, after normlaws run": (
        "import sys; from normlaws.curves import Curves; Curves.read(sys.argv[1])"
    ),
    "import of the command": "import sys; import normlaws.cli, normlaws.studies, normlaws.laws",
    "normlaws run, nothing to do": (
        "import sys; from normlaws.cli import main; "
        "sys.argv[1:] = ['run', sys.argv[2], '--out', sys.argv[1]]; main()"
    ),
}


def write(folder: Path, runs: int, records: int) -> Path:
    """A finished study of so many runs in ``folder``; returns its definition."""
    definition = folder / "large.toml"
    settings = SETTINGS | {"seeds": runs // len(SIZES)}
    study = Study.load(settings)
    assert isinstance(study, Study)
    settings_of = study.settings.runs()
    out = StudyFolder(folder / "large")
    study._claim(out)
    first = out.run(settings_of[-1].run_id)
    train(settings_of[-1], first)
    record, columns = first.read_record(), pd.read_parquet(first.curve)
    planted = plant(sizes=SIZES, seeds=settings["seeds"], records=records).frame
    planted = planted.dropna(axis=1, how="all")
    errors = [name for name in columns if name.endswith("_error")]
    more = {name: planted["log_spectral_complexity"] for name in columns if name not in planted}
    filled = planted.assign(**more | dict.fromkeys(errors, planted["test_error"]))
    rows = dict(list(filled[["run", *columns]].groupby("run")))
    for run in settings_of:
        to = out.run(run.run_id)
        curve = to.write_curve(rows[f"{run.size}-{run.seed}"].drop(columns="run"))
        described = {"run": run.run_id, "size": run.size, "seed": run.seed, "curve": curve}
        to.write_record(record | described | {"settings": run.model_dump(mode="json")})
    definition.write_text(tomli_w.dumps(settings))
    return out.root


def seconds(code: str, *arguments: str) -> float:
    """CPU of a process, and of those that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=quiet,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def followed(study: Path) -> tuple[float, float]:
    """Seconds of CPU of the first reading by the explorer, and of one after a run changed."""
    opened, times = Followed(study), []
    for _ in range(2):
        began = time.process_time()
        opened.read()
        times.append(time.process_time() - began)
        run = StudyFolder(study).run_folders()[0]
        run.write_record(run.read_record())
    return times[0], times[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--records", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="Make the study here, or use the one that is.")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        if not (folder / "large.toml").exists():
            write(folder, given.runs, given.records)
        arguments = str(folder / "large"), str(folder / "large.toml")
        seconds(COMMANDS["normlaws run, nothing to do"], *arguments)  # writes the report
        found: dict[str, list[float]] = {command: [] for command in COMMANDS}
        for _ in range(given.repeats):
            for command, code in COMMANDS.items():
                found[command].append(seconds(code, *arguments))
        first, again = followed(Path(arguments[0]))
    for command, times in found.items():
        print(f"{command}: {statistics.median(times):.2f} s")

    print(f"followed: {first:.2f} s at first, {again:.2f} s after one run changed")


if __name__ == "__main__":
    main()
