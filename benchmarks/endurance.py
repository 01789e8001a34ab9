"""Kills and faults while a study runs: it must complete, and its curves be those of a quiet run.

    python benchmarks/endurance.py                            # 100 kills, and every fault
    python benchmarks/endurance.py --log kills.jsonl --minutes 9     # the same in portions: repeat

Half of the kills meet a study on processes of this machine (the whole command, or one worker), half
one on a dask cluster of this machine (a worker, the command, or the scheduler). After each kill of
the command or the scheduler it is run again, until the study is complete; then the next begins.
Faults: no file may grow (as on a full disk), the study folder is deleted, the folder of a run is
made immutable (where the system lets us). Checkpoints and curves are damaged by a flipped bit, a
zeroed page, a cut, or another run's file in their place. What came of each study, and of each
fault, is a line of the log; the table is made from all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HELPERS = Path(__file__).parents[1] / "tests" / "studies"
sys.path.insert(0, str(HELPERS))

import pandas as pd  # noqa: E402
from forked import Forked  # noqa: E402

from normlaws import Curves  # noqa: E402
from normlaws.errors import CorruptFileError, NormlawsError  # noqa: E402
from normlaws.storage.folder import StudyFolder  # noqa: E402

RUNS = 6
STUDY = {
    "name": "endurance",
    "sizes": [16, 64],
    "seeds": RUNS // 2,
    "data": {"name": "digits", "validation": 100, "scored_test": 50},
    "model": {"family": "custom", "factory": "slow_model:slow"},
    "training": {"steps": 300, "batch_size": 16, "records": 6},
}
PAUSE = "0.01"  # seconds a step
PATIENCE = 300.0  # seconds until a command that does not end counts as hung


Line = dict[str, Any]


def inside(out: str, address: str, before: Callable[[], object] | None) -> None:
    """The command: one study, with a checkpoint every fifth of a second."""
    from normlaws.studies import Study, study
    from normlaws.studies.perform import Options

    if before:
        before()
    study.Options = partial(Options, checkpoint_seconds=0.2)  # type: ignore[misc]
    where: dict[str, Any] = {"cluster": address} if address else {"workers": 2}
    try:
        Study.load(STUDY).run(out, progress=False, stack=False, **where)
    except (NormlawsError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)


def command(out: Path, address: str = "", before: Callable[[], object] | None = None) -> Forked:
    """Start :func:`inside` in a session of its own."""
    paths = os.pathsep.join((str(HELPERS), os.environ.get("PYTHONPATH", "")))
    quiet = {"PYTHONPATH": paths, "SLOW_MODEL_PAUSE": PAUSE, "OMP_NUM_THREADS": "1",
             "PYTHONWARNINGS": "ignore"}  # fmt: skip
    output = out.with_name(f"{uuid.uuid4().hex}.txt")
    return Forked(inside, str(out), address, before, output=output, environment=os.environ | quiet)


def ended(started: Forked) -> tuple[int | str, str]:
    """Exit status and message; ``"hung"`` where it has to be killed."""
    try:
        status: int | str = started.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        started.kill_group()
        status = "hung"
    return status, started.output.read_text(errors="replace").strip()


def rows(out: Path) -> pd.DataFrame:
    """What was recorded, without the time that it took."""
    curves = Curves.read(out)
    assert set(curves.runs["status"]) == {"complete"}, Counter(curves.runs["status"])
    return curves.frame.drop(columns="seconds").sort_values(["run", "step"], ignore_index=True)


def is_complete(out: Path) -> bool:
    """Whether every run of the study is recorded as complete."""
    records = [folder.known_record() for folder in StudyFolder(out).run_folders()]
    return sum(record.get("status") == "complete" for record in records) == RUNS


def working(out: Path) -> list[int]:
    """Processes that have a run at this moment, and are alive."""
    holders = [int(token.name.split("~")[1]) for token in out.glob("runs/*/.lease/*~*")]
    return [pid for pid in holders if _alive(pid)]


def killed(
    kills: int, draw: random.Random, folder: Path, reference: pd.DataFrame, on_cluster: bool
) -> Line:
    """One study, killed up to so many times: what was killed, and what came of the study."""
    out = folder / uuid.uuid4().hex
    victims: list[str] = []
    cluster = _cluster(folder) if on_cluster else None
    came = ""
    while not came and not is_complete(out):
        started = command(out, cluster.address if cluster else "")
        while len(victims) < kills and started.poll() is None:
            victim = draw.choice(["command", "worker", "worker"])
            early = victim == "command" and draw.random() < 0.3  # before any worker has a run
            while not early and not working(out) and started.poll() is None:
                time.sleep(0.05)
            time.sleep(draw.uniform(0, 1.5))
            if cluster and draw.random() < 0.1:
                victim = "scheduler"
            if started.poll() is not None or not _kill(victim, started, out, cluster):
                continue
            victims.append(victim)
            if cluster and victim == "scheduler":
                ended(started)
                cluster.close()
                cluster = _cluster(folder)
            elif cluster and victim == "worker":
                cluster.workers.append(cluster.add_worker())
        status, said = ended(started)
        if status not in (0, 2, -signal.SIGKILL):
            came = f"ended with {status}: {said[-300:]}"
    if cluster:
        cluster.close()
    same = not came and rows(out).equals(reference)
    came = came or ("complete, equal to the bit" if same else "complete, but curves differ")
    what = "a dask cluster" if on_cluster else "processes"
    return {"what": f"kills on {what} of this machine", "victims": victims, "came": came}


def _cluster(folder: Path) -> Any:
    from cluster_helpers import Cluster

    place = folder / f"dask-{uuid.uuid4().hex}"
    place.mkdir()
    return Cluster(place, 2, SLOW_MODEL_PAUSE=PAUSE)


def _kill(victim: str, started: Forked, out: Path, cluster: Any) -> bool:
    """Whether there was something to be killed."""
    if victim == "command":
        started.kill_group()
    elif victim == "scheduler":
        cluster.kill_scheduler()
    else:
        found = working(out)
        if not found:
            return False
        os.kill(found[0], signal.SIGKILL)
    return True


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def _under_way(out: Path, started: Forked) -> None:
    while not list(out.glob("runs/*/checkpoint.safetensors")) and started.poll() is None:
        time.sleep(0.05)


def no_room(out: Path) -> tuple[int | str, str]:
    """No file may grow beyond 2 KiB: what a full disk or a quota does to every write."""
    return ended(command(out, before=_limited))


def _limited() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))


def deleted(out: Path) -> tuple[int | str, str]:
    """The study folder is deleted while runs are under way."""
    started = command(out)
    _under_way(out, started)
    shutil.rmtree(out, ignore_errors=True)
    return ended(started)


def immutable(out: Path) -> tuple[int | str, str]:
    """Folders of the study are made immutable while runs are under way."""
    started = command(out)
    _under_way(out, started)
    folders = [out, *out.glob("runs/*")]
    if subprocess.run(["chattr", "+i", *folders], capture_output=True).returncode:
        started.kill_group()
        started.wait()
        return "not allowed here", ""
    try:
        return ended(started)
    finally:
        subprocess.run(["chattr", "-i", *folders], check=True)


FAULTS: dict[str, Callable[[Path], tuple[int | str, str]]] = {
    "no file may grow, as on a full disk": no_room,
    "the study folder deleted under way": deleted,
    "folders made immutable under way": immutable,
}


def damage(content: bytes, other: bytes, draw: random.Random) -> bytes:
    """A flipped bit, a zeroed page, a cut, or another file's contents."""
    at = draw.randrange(len(content))
    match draw.randrange(4):
        case 0:
            return content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        case 1:
            page = at // 4096 * 4096
            kept = content[:page] + bytes(len(content[page : page + 4096]))
            return kept + content[page + 4096 :]
        case 2:
            return content[:at]
        case _:
            return other


def silent_curves(out: Path, trials: int, draw: random.Random) -> tuple[int, int]:
    """(damaged files that pass for whole, trials that changed a byte) of curves of runs."""
    from normlaws.studies.perform import is_done

    folders = StudyFolder(out).run_folders()
    silent = changed = 0
    for _ in range(trials):
        victim, other = draw.sample(folders, 2)
        whole = victim.curve.read_bytes()
        altered = damage(whole, other.curve.read_bytes(), draw)
        victim.curve.write_bytes(altered)
        changed += altered != whole
        silent += altered != whole and is_done(victim)
        victim.curve.write_bytes(whole)
    return silent, changed


def silent_checkpoints(folder: Path, trials: int, draw: random.Random) -> tuple[int, int]:
    """The same of checkpoints."""
    import torch

    from normlaws.norms import NormMeter
    from normlaws.training.checkpoint import read_checkpoint, save_checkpoint

    contents = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Linear(32, 10))
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.ones(1, 64)).sum().backward()
        optimizer.step()
        path = folder / "c.safetensors"
        save_checkpoint(path, model, optimizer, NormMeter(model), {}, 3, [{"step": 0.0}])
        contents.append(path.read_bytes())
    silent = changed = 0
    for _ in range(trials):
        altered = damage(contents[0], contents[0][: len(contents[0]) // 2], draw)
        path.write_bytes(altered)
        changed += altered != contents[0]
        try:
            read_checkpoint(path)
            silent += altered != contents[0]
        except CorruptFileError:
            continue
    return silent, changed


class Log:
    """What was done so far: a line of JSON each, in a file that a later command goes on with."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.lines: list[Line] = [json.loads(line) for line in text.splitlines()]

    def add(self, line: Line) -> None:
        """Write what was done."""
        self.lines.append(line)
        print(json.dumps(line), flush=True)
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def has(self, what: str) -> bool:
        """Whether it was done."""
        return any(line["what"] == what for line in self.lines)

    def kills(self, where: str) -> int:
        """How many there were."""
        return sum(len(line["victims"]) for line in self.lines if where in line["what"])

    def table(self) -> str:
        """A row for each thing that was done."""
        found = ["| what | how often | what came of it |", "|---|---|---|"]
        for what in dict.fromkeys(line["what"] for line in self.lines):
            lines = [line for line in self.lines if line["what"] == what]
            victims = Counter(victim for line in lines for victim in line.get("victims", ()))
            named = ", ".join(f"{count} of a {victim}" for victim, count in victims.most_common())
            often = sum(line.get("times", 0) for line in lines) or len(lines)
            if victims:
                often = f"{victims.total()} ({named}) in {len(lines)} studies"
            came = Counter(line["came"] for line in lines)
            said = "; ".join(f"{one} ({n} of {len(lines)})" if len(came) > 1 else one
                             for one, n in came.items())  # fmt: skip
            found.append(f"| {what} | {often} | {said} |")
        return "\n".join(found)


def damages(log: Log, quiet: Path, folder: Path, draw: random.Random) -> None:
    """Damaged curves and checkpoints."""
    for what, (silent, changed) in {
        "curves of finished runs damaged": silent_curves(quiet, 200, draw),
        "checkpoints damaged": silent_checkpoints(folder, 200, draw),
    }.items():
        came = f"{silent} taken for whole" if silent else "none taken for whole"
        log.add({"what": what, "times": changed, "came": came})


def faults(log: Log, folder: Path, reference: pd.DataFrame) -> None:
    """Every fault that is not in the log yet."""
    for fault, cause in FAULTS.items():
        if log.has(fault):
            continue
        out = folder / fault.replace(" ", "-")
        status, said = cause(out)
        again = ended(command(out))[0]
        same = again == 0 and rows(out).equals(reference)
        sentence = "a sentence" if said.count("\n") == 0 and said else repr(said[-200:])
        came = f"status {status} and {sentence}; run again: "
        log.add({"what": fault, "came": came + ("complete, equal" if same else f"{again}")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, default=Path("endurance.jsonl"))
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no study after these")
    given = parser.parse_args()
    end = time.monotonic() + 60 * given.minutes
    log = Log(given.log)
    draw = random.Random(given.seed + len(log.lines))
    with TemporaryDirectory() as name:
        folder = Path(name)
        quiet = folder / "quiet"
        assert ended(command(quiet))[0] == 0
        reference = rows(quiet)
        if not log.has("checkpoints damaged"):
            damages(log, quiet, folder, draw)
        faults(log, folder, reference)
        for where in ("processes", "cluster"):
            while (left := given.kills // 2 - log.kills(where)) > 0 and time.monotonic() < end:
                log.add(killed(min(left, 10), draw, folder, reference, where == "cluster"))
    print(log.table())


if __name__ == "__main__":
    main()
