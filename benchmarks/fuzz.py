"""Mutated files of every format that is read: each ends in curves, weights or one sentence.

    python benchmarks/fuzz.py                       # 400 mutations of each format
    python benchmarks/fuzz.py --formats pt --mutations 20000 --seed 1

Of every format a whole file is written, changed by bits, bytes, cuts, repeated parts, numbers at
the edges of their types, and text that steers parsers or terminals, then read as a user would read
it. Anything but an answer or a ``NormlawsError`` is a traceback; formats with checksums are changed
within their records, too, with checksums that fit. Each format is read in a process of its own, so
that a crash, the slowest file and the largest memory are seen.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import struct
import subprocess
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from normlaws import Curves
from normlaws.errors import NormlawsError

TOKENS = [
    b"\xff\xfe", b"\x00", b"\x1b[2J", b"[/b]", b"[query]", b"$\\frac{$", b"=1+1", b"NaN", b"-1",
    b"1e400", b"null", b"{}", b"[]", b'"', b"'", b",", b"\n", b"..", b"9" * 5000, b"[" * 3000,
    b'{"a":' * 2000, b"18446744073709551616", b"-9223372036854775809", b"True", b"0x",
]  # fmt: skip
EDGES = [struct.pack(kind, value) for kind, value in (
    ("<i", -1), ("<i", 2**31 - 1), ("<q", -1), ("<q", 2**62), ("<q", 2**40), ("<d", float("nan")),
    ("<d", float("inf")), ("<H", 65535), ("<I", 2**31),
)]  # fmt: skip
Write, Read = Callable[[Path], bytes], Callable[[Path], object]
Reseal = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Format:
    """One kind of file: its name, a whole one, and who reads it; ``reseal`` mutates inside."""

    name: str
    whole: Write
    read: Read
    reseal: Reseal | None = None


def mutated(content: bytes, draw: random.Random) -> bytes:
    """One to four changes."""
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        at, end = sorted(draw.randrange(len(content) + 1) for _ in range(2))
        end = min(end, at + 64)
        match draw.randrange(8):
            case 0:
                place = draw.randrange(max(len(content), 1))
                bit = bytes([(content[place : place + 1] or b"\0")[0] ^ 1 << draw.randrange(8)])
                content = content[:place] + bit + content[place + 1 :]
            case 1:
                content = content[:at] + draw.randbytes(end - at) + content[end:]
            case 2:
                content = content[: draw.randrange(len(content) + 1)]
            case 3:
                content = content[:at] + content[end:]
            case 4:
                content = content[:end] + content[at:end] * draw.randrange(1, 30) + content[end:]
            case 5:
                edge = draw.choice(EDGES)
                content = content[:at] + edge + content[at + len(edge) :]
            case 6:
                content = content[:at] + draw.choice(TOKENS) + content[at:]
            case 7:
                content = content[:at] + draw.choice(TOKENS) + content[end:]
    return content


def trials(form: Format, count: int, seed: int, folder: Path) -> Iterator[tuple[bytes, str, float]]:
    """Mutated contents, the traceback each led to (or nothing), and the seconds it took."""
    draw = random.Random(f"{form.name} {seed}")
    whole = form.whole(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        form.read(folder)
    for index in range(count):
        inside = form.reseal is not None and index % 2
        content = form.reseal(whole, draw) if inside and form.reseal else mutated(whole, draw)
        _file(folder, form.name).write_bytes(content)
        began, said = time.perf_counter(), ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                form.read(folder)
        except NormlawsError as error:
            said = f"more than one line: {error}" if "\n" in str(error) else ""
        except Exception:
            said = traceback.format_exc()
        yield content, said, time.perf_counter() - began


def _file(folder: Path, name: str) -> Path:
    return folder / _PLACES[name]


def _put(folder: Path, name: str, content: bytes) -> bytes:
    path = _file(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return content


def _frame() -> pd.DataFrame:
    steps = {"step": [0, 5, 10], "test_error": [0.9, 0.5, 0.2], "val_loss": [2.0, 1.0, 0.5]}
    runs = [{"run": f"r{seed}", "size": 100, "seed": seed} for seed in range(3)]
    norms = {"log_l1": [0.1, 0.7, 1.9], "log_spectral_complexity": [0.0, 1.0, 2.0]}
    return pd.concat([pd.DataFrame(run | steps | norms) for run in runs], ignore_index=True)


def _study(folder: Path) -> Path:
    Curves(_frame()).write(folder / "study")
    return folder / "study"


def _run_json(folder: Path) -> bytes:
    return (_study(folder) / "runs/r0/run.json").read_bytes()


def _curve_of_run(folder: Path) -> bytes:
    run = _study(folder) / "runs/r0"
    record = json.loads((run / "run.json").read_text())
    record.pop("curve")  # as a version without digests, or one who forges them, writes it
    (run / "run.json").write_text(json.dumps(record))
    return (run / "curve.parquet").read_bytes()


def _curves_parquet(folder: Path) -> bytes:
    Curves(_frame()).write(_file(folder, "curves"))
    return _file(folder, "curves").read_bytes()


def _table(form: str) -> Write:
    def whole(folder: Path) -> bytes:
        frame = _frame().assign(schedule=["a", "b", "c"] * 3)
        if form == "csv":
            return _put(folder, form, frame.to_csv(index=False).encode())
        if form == "jsonl":
            return _put(folder, form, frame.to_json(orient="records", lines=True).encode())
        stream = io.BytesIO()
        frame.to_parquet(stream, index=False)
        return _put(folder, form, stream.getvalue())

    return whole


def _trainer_state(folder: Path) -> bytes:
    rows = [{"step": step, "eval_loss": 1 / (1 + step), "log_l1": 0.1 * step} for step in range(4)]
    state = {"global_step": 4, "log_history": [row | {"size": 10, "seed": 0} for row in rows]}
    return _put(folder, "trainer_state", json.dumps(state).encode())


def _toml(folder: Path) -> bytes:
    text = 'extends = "digits-cnn"\nname = "mine"\nsizes = [100, 200]\nseeds = 2\n'
    return _put(folder, "toml", (text + "[training]\nsteps = 10\n").encode())


def _deep_norm(folder: Path) -> bytes:
    arrays = {"log_x_grid": np.arange(1.0, 6.0), "P_arr": np.array([10, 20]),
              "mean_val_error_arr": np.full((2, 5), 0.5)}  # fmt: skip
    stream = io.BytesIO()
    np.save(stream, np.array(arrays, dtype=object), allow_pickle=True)
    return _put(folder, "npy", stream.getvalue())


def _events(folder: Path) -> bytes:
    from normlaws.interop import export_tensorboard

    export_tensorboard(Curves(_frame()), folder / "events", norm="l1")
    return _file(folder, "tfevents").read_bytes()


def _reseal_events(content: bytes, draw: random.Random) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    parts, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 8], "little")
        parts.append(content[at + 12 : at + 12 + length])
        at += 16 + length
    index = draw.randrange(len(parts))
    parts[index] = mutated(parts[index], draw)
    stream = io.BytesIO()
    for part in parts:
        RecordWriter(stream).write(part)
    return stream.getvalue()


def _wandb(folder: Path) -> bytes:
    """Records as wandb frames them, without starting wandb."""
    from wandb.proto import wandb_internal_pb2 as protocol

    records = []
    for row in _frame().head(3).to_dict("records"):
        record = protocol.Record()
        for name, value in row.items():
            record.history.item.add(key=str(name), value_json=json.dumps(value))
        record.history.item.add(key="_step", value_json=str(row["step"]))
        records.append(record)
    run = protocol.Record()
    run.run.display_name = "P100-s0"
    run.run.config.update.add(key="size", value_json="100")
    return _put(folder, "wandb", _sealed([r.SerializeToString() for r in (run, *records)]))


def _sealed(records: list[bytes]) -> bytes:
    content = b":W&B\xff\xff\x00"
    for data in records:
        check = zlib.crc32(data, zlib.crc32(b"\x01"))
        content += struct.pack("<IHB", check, len(data), 1) + data
    return content


def _reseal_wandb(content: bytes, draw: random.Random) -> bytes:
    records, at = [], 7
    while at < len(content):
        _, length, _ = struct.unpack_from("<IHB", content, at)
        records.append(content[at + 7 : at + 7 + length])
        at += 7 + length
    index = draw.randrange(len(records))
    records[index] = mutated(records[index], draw)[:20_000]
    return _sealed(records)


def _history(folder: Path) -> bytes:
    frame = _frame().head(3).drop(columns=["run", "step"]).assign(_step=[0, 5, 10])
    return _put(folder, "history", frame.to_csv(index=False).encode())


def _config(folder: Path) -> bytes:
    _history(folder)
    return _put(folder, "config", json.dumps({"size": 100, "seed": 0, "model": {"w": 3}}).encode())


def _mlflow(name: str) -> Write:
    def whole(folder: Path) -> bytes:
        run = folder / "mlruns/0/abc"
        for place, text in {
            "meta.yaml": "run_name: P100-s0\nstatus: 3\nlifecycle_stage: active\n",
            "metrics/val_loss": "1700000000000 1.5 0\n1700000000001 0.5 5\n",
            "metrics/log_l1": "1700000000000 0.1 0\n1700000000001 0.9 5\n",
            "params/size": "100",
            "tags/mlflow.runName": "P100-s0",
            "tags/normlaws.record": json.dumps({"run": "a", "size": 100, "seed": 0}),
        }.items():
            (run / place).parent.mkdir(parents=True, exist_ok=True)
            (run / place).write_text(text)
        return _file(folder, name).read_bytes()

    return whole


def _state() -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    return {"a.weight": torch.randn(6, 4), "a.bias": torch.randn(6), "b.weight": torch.randn(3, 6)}


def _safetensors(folder: Path) -> bytes:
    from safetensors.torch import save

    return _put(folder, "safetensors", save(_state()))


def _torch(name: str) -> Write:
    def whole(folder: Path) -> bytes:
        import torch

        stream = io.BytesIO()
        content = {"state_dict": _state(), "epoch": 3, "optimizer": {"param_groups": [{"lr": 0.1}]}}
        torch.save(content, stream, _use_new_zipfile_serialization=name == "pt")
        return _put(folder, name, stream.getvalue())

    return whole


def _four_bit(folder: Path) -> bytes:
    import torch
    from safetensors.torch import save

    said = {"shape": [8, 8], "blocksize": 64, "quant_type": "nf4", "dtype": "float32"}
    text = torch.tensor(list(json.dumps(said).encode()), dtype=torch.uint8)
    state = {
        "a.weight": torch.arange(32, dtype=torch.uint8)[:, None],
        "a.weight.absmax": torch.ones(1),
        "a.weight.quant_map": torch.linspace(-1, 1, 16),
        "a.weight.quant_state.bitsandbytes__nf4": text,
    }
    return _put(folder, "four_bit", save(state))


def _index(folder: Path) -> bytes:
    from safetensors.torch import save

    place = _file(folder, "index").parent
    place.mkdir(parents=True, exist_ok=True)
    (place / "model-00001-of-00001.safetensors").write_bytes(save(_state()))
    places = dict.fromkeys(_state(), "model-00001-of-00001.safetensors")
    return _put(folder, "index", json.dumps({"metadata": {}, "weight_map": places}).encode())


def _adapter(folder: Path) -> bytes:
    import torch
    from safetensors.torch import save

    pair = {"m.a.lora_A.weight": torch.ones(2, 4), "m.a.lora_B.weight": torch.ones(5, 2)}
    place = _file(folder, "adapter").parent
    place.mkdir(parents=True, exist_ok=True)
    (place / "adapter_model.safetensors").write_bytes(save(pair))
    settings = {"peft_type": "LORA", "lora_alpha": 4, "r": 2, "alpha_pattern": {"a": 8}}
    return _put(folder, "adapter", json.dumps(settings).encode())


def _checkpoint(folder: Path) -> bytes:
    import torch

    from normlaws.norms import NormMeter
    from normlaws.training.checkpoint import save_checkpoint

    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    path = _file(folder, "checkpoint")
    save_checkpoint(path, model, optimizer, NormMeter(model), {}, 3, [{"step": 0.0}])
    return path.read_bytes()


def _picture(kind: str) -> Write:
    def whole(folder: Path) -> bytes:
        from PIL import Image

        stream = io.BytesIO()
        pixels = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(stream, kind)
        for split in ("train", "test"):
            place = _file(folder, kind).parent.parent.parent / split / "a"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"0.{kind}").write_bytes(stream.getvalue())
        return stream.getvalue()

    return whole


def _arrays(folder: Path) -> bytes:
    stream = io.BytesIO()
    images, labels = np.zeros((4, 3, 3), np.uint8), np.arange(4)
    np.savez_compressed(stream, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return _put(folder, "npz", stream.getvalue())


def _image_table(folder: Path) -> bytes:
    picture = _picture("png")(folder)
    frame = pd.DataFrame({"image": [picture] * 3, "label": [0, 1, 0]})
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return _put(folder, "image_table", stream.getvalue())


def _surface(folder: Path) -> bytes:
    draw = np.random.default_rng(0)
    params, tokens = np.exp(draw.uniform(10, 20, (2, 12)))
    loss = 1.7 + 400 / params**0.34 + 410 / tokens**0.28
    table = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    return _put(folder, "surface", table.to_csv(index=False).encode())


def _read_curves(place: str) -> Read:
    return lambda folder: Curves.read(folder / place)


def _read_table(name: str) -> Read:
    def read(folder: Path) -> object:
        from normlaws.interop import read_table

        return read_table(_file(folder, name))

    return read


def _importer(reader: str, place: str) -> Read:
    def read(folder: Path) -> object:
        from normlaws import interop

        return getattr(interop, reader)(folder / place)

    return read


def _measure(place: str) -> Read:
    def read(folder: Path) -> object:
        from normlaws.norms import measure_file

        return measure_file(folder / place)

    return read


def _load(name: str, **settings: Any) -> Read:
    def read(folder: Path) -> object:
        from normlaws.problems import datasets

        return getattr(datasets, name)(validation=1, **settings).load(folder)

    return read


def _read_study(folder: Path) -> object:
    import normlaws as nl

    return nl.Study.load(_file(folder, "toml"))


def _read_checkpoint(folder: Path) -> object:
    from normlaws.training.checkpoint import read_checkpoint

    return read_checkpoint(_file(folder, "checkpoint"))


def _read_surface(folder: Path) -> object:
    from normlaws.laws.surfaces import fitting

    return fitting._read(_file(folder, "surface"))


_PLACES = {
    "run": "study/runs/r0/run.json", "curve": "study/runs/r0/curve.parquet",
    "curves": "curves.parquet", "csv": "t.csv", "jsonl": "t.jsonl", "table": "t.parquet",
    "trainer_state": "trainer_state.json", "toml": "mine.toml", "npy": "panel.npy",
    "tfevents": "events/r0/events.out.tfevents.0.normlaws", "wandb": "run-1.wandb",
    "history": "w/P100-s0.csv", "config": "w/P100-s0.config.json",
    "mlflow_meta": "mlruns/0/abc/meta.yaml", "mlflow_metric": "mlruns/0/abc/metrics/val_loss",
    "mlflow_record": "mlruns/0/abc/tags/normlaws.record", "safetensors": "m.safetensors",
    "pt": "m.pt", "pt_before_1.6": "old.pt", "four_bit": "q.safetensors",
    "index": "shards/model.safetensors.index.json", "adapter": "lora/adapter_config.json",
    "checkpoint": "checkpoint.safetensors", "png": "png/train/a/0.png",
    "jpeg": "jpeg/train/a/0.jpeg", "gif": "gif/train/a/0.gif", "tiff": "tiff/train/a/0.tiff",
    "webp": "webp/train/a/0.webp", "npz": "a.npz", "image_table": "images.parquet",
    "surface": "surface.csv",
}  # fmt: skip

FORMATS = {form.name: form for form in [
    Format("run", _run_json, _read_curves("study")),
    Format("curve", _curve_of_run, _read_curves("study")),
    Format("curves", _curves_parquet, _read_curves("curves.parquet")),
    Format("csv", _table("csv"), _read_table("csv")),
    Format("jsonl", _table("jsonl"), _read_table("jsonl")),
    Format("table", _table("table"), _read_table("table")),
    Format("trainer_state", _trainer_state, _read_table("trainer_state")),
    Format("toml", _toml, _read_study),
    Format("npy", _deep_norm, _importer("read_deep_norm", "panel.npy")),
    Format("tfevents", _events, _importer("read_tensorboard", "events"), _reseal_events),
    Format("wandb", _wandb, _importer("read_wandb", "run-1.wandb"), _reseal_wandb),
    Format("history", _history, _importer("read_wandb", "w")),
    Format("config", _config, _importer("read_wandb", "w")),
    Format("mlflow_meta", _mlflow("mlflow_meta"), _importer("read_mlflow", "mlruns")),
    Format("mlflow_metric", _mlflow("mlflow_metric"), _importer("read_mlflow", "mlruns")),
    Format("mlflow_record", _mlflow("mlflow_record"), _importer("read_mlflow", "mlruns")),
    Format("safetensors", _safetensors, _measure("m.safetensors")),
    Format("pt", _torch("pt"), _measure("m.pt")),
    Format("pt_before_1.6", _torch("pt_before_1.6"), _measure("old.pt")),
    Format("four_bit", _four_bit, _measure("q.safetensors")),
    Format("index", _index, _measure("shards")),
    Format("adapter", _adapter, _measure("lora")),
    Format("checkpoint", _checkpoint, _read_checkpoint),
    *(Format(kind, _picture(kind), _load("ImageFolder", path=kind))
      for kind in ("png", "jpeg", "gif", "tiff", "webp")),
    Format("npz", _arrays, _load("Arrays", path="a.npz")),
    Format("image_table", _image_table,
           _load("Parquet", train=("images.parquet",), test=("images.parquet",))),
    Format("surface", _surface, _read_surface),
]}  # fmt: skip


def measured(name: str, count: int, seed: int) -> dict[str, Any]:
    """What ``count`` mutations of one format led to, in this process."""
    found: list[str] = []
    slowest = 0.0
    with TemporaryDirectory() as folder:
        for _, said, seconds in trials(FORMATS[name], count, seed, Path(folder)):
            found += [said] if said else []
            slowest = max(slowest, seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"format": name, "tracebacks": len(found), "slowest": slowest, "memory": memory,
            "examples": found[:3]}  # fmt: skip


def _in_a_process(name: str, count: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--inside", name, "--mutations", str(count)]
    done = subprocess.run([*command, "--seed", str(seed)], capture_output=True, text=True)
    if done.returncode:
        return {"format": name, "tracebacks": f"process ended with {done.returncode}",
                "slowest": 0.0, "memory": 0, "examples": [done.stderr[-2000:]]}  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=400, help="of each format")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inside", choices=list(FORMATS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measured(given.inside, given.mutations, given.seed)))
        return
    print(f"{given.mutations} mutations of each format, seed {given.seed}")
    print(f"{'format':16} {'tracebacks':>10} {'slowest, s':>10} {'largest process, MB':>20}")
    failed = 0
    for name in given.formats:
        found = _in_a_process(name, given.mutations, given.seed)
        failed += found["tracebacks"] != 0
        print(f"{name:16} {found['tracebacks']:>10} {found['slowest']:10.2f} "
              f"{found['memory'] / 1e6:20.0f}", flush=True)  # fmt: skip
        for example in found["examples"]:
            print(example)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
