"""Small files that ask for much: each is refused in one sentence before memory is asked for."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import socket
import struct
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from normlaws import Curves
from normlaws.errors import CorruptFileError, InputError, NormlawsError
from normlaws.interop import read_table, read_tensorboard
from normlaws.norms import measure_file
from normlaws.norms.weight_files import sizes
from normlaws.problems.datasets import Arrays, ImageFolder, Parquet
from normlaws.storage.folder import StudyFolder

MOST = 400 * 2**20
"""Bytes beyond what the process holds already."""


@pytest.fixture
def refused():
    """``refused(read, *arguments)``: one sentence, and no memory to speak of."""

    def check(read, *arguments, **named):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(NormlawsError) as caught:
            read(*arguments, **named)
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        assert grown < MOST
        assert "\n" not in str(caught.value)
        assert "expected" in str(caught.value)
        return str(caught.value)

    return check


def _curves(rows: int) -> dict[str, pa.Array]:
    zeros = pa.array(np.zeros(rows, np.int64))
    return {"size": zeros, "seed": zeros, "step": zeros, "test_error": zeros}


def _rows_of_nothing(path):
    columns = _curves(8_000_000) | {"log_l1": pa.array(np.zeros(8_000_000))}
    pq.write_table(pa.table(columns), path, compression="zstd")


def _one_long_word(path):
    word = pa.DictionaryArray.from_arrays(np.zeros(12_000, np.int32), ["x" * 1_000_000])
    pq.write_table(pa.table(_curves(12_000) | {"run": word}), path)


def _one_endless_list(path):
    lists = pa.array([np.zeros(5_000_000, np.int8)])
    pq.write_table(pa.table(_curves(1) | {"run": pa.array(["a"]), "tags": lists}), path)


@pytest.mark.parametrize("write", [_rows_of_nothing, _one_long_word])
def test_parquet_that_unfolds(tmp_path, refused, write):
    write(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 5_000_000
    for read in (Curves.read, read_table):
        assert "in memory" in refused(read, tmp_path / "a.parquet")


def test_lists_in_a_table_are_not_read(tmp_path):
    _one_endless_list(tmp_path / "a.parquet")
    with pytest.warns(match="columns of lists"):
        assert len(Curves.read(tmp_path / "a.parquet")) == 1


def test_lines_that_share_no_name(tmp_path, refused):
    rows = ({"run": "a", "size": 1, "step": i, f"log_{i}": 0.0} for i in range(6_000))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "in memory" in refused(read_table, tmp_path / "a.jsonl")


def test_a_study_whose_runs_share_no_column(tmp_path, refused):
    for index in range(12):
        names = [f"log_n{index}_{number}" for number in range(200)]
        table = pd.DataFrame(0.0, index=range(1_500), columns=names)
        folder = StudyFolder(tmp_path / "s").run(f"r{index}")
        written = folder.write_curve(table.assign(size=10, seed=index, step=range(1_500)))
        record = {"run": f"r{index}", "size": 10, "seed": index, "status": "complete"}
        folder.write_record(record | {"curve": written})
    assert "in memory" in refused(Curves.read, tmp_path / "s")


def _members(path, compression, **arrays):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, (shape, dtype, length) in arrays.items():
            head = io.BytesIO()
            header = {"descr": dtype, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(head, header)
            archive.writestr(f"{name}.npy", head.getvalue() + bytes(length))


def test_archives_that_unfold(tmp_path, refused):
    names = ("x_train", "y_train", "x_test", "y_test")
    big, small = ((70_000_000,), "|u1", 70_000_000), ((1,), "|u1", 1)
    _members(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, **dict.fromkeys(names[:2], big))
    assert "in memory" in refused(Arrays(validation=1, path="a.npz").load, tmp_path)
    forged = ((80_000, 100_000), "<f8", 8)
    _members(tmp_path / "b.npz", zipfile.ZIP_STORED, **dict.fromkeys(names, small) | {
        "x_train": forged})  # fmt: skip
    assert "shape" in refused(Arrays(validation=1, path="b.npz").load, tmp_path)


def test_weights_that_unfold(tmp_path, refused):
    torch.save({"a.weight": torch.zeros(6_000, 6_000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.namelist():
            packed.writestr(member, plain.read(member))
    (tmp_path / "plain.pt").unlink()
    assert (tmp_path / "a.pt").stat().st_size < 1_000_000
    assert "in memory" in refused(measure_file, tmp_path / "a.pt")


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(()).expand(200_000, 200_000),
        torch.sparse_coo_tensor([[0], [0]], [1.0], (200_000, 200_000)),
        torch.sparse_coo_tensor([[0], [0]], [1.0], (200_000, 200_000)).to_sparse_csr(),
    ],
    ids=["expanded", "sparse", "csr"],
)
def test_tensors_larger_than_what_is_stored(tmp_path, refused, tensor, legacy):
    torch.save({"a.weight": tensor}, tmp_path / "a.pt", _use_new_zipfile_serialization=not legacy)
    assert "in memory" in refused(measure_file, tmp_path / "a.pt")


def test_tensors_without_numbers(tmp_path, refused):
    torch.save({"a.weight": torch.empty(4, 4, device="meta")}, tmp_path / "a.pt")
    assert "meta" in refused(measure_file, tmp_path / "a.pt")


def _pickled(path, body: bytes):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + body + b".")
        archive.writestr("archive/version", b"3\n")


def test_pickles_that_only_ask_for_much(tmp_path, refused, monkeypatch):
    _pickled(tmp_path / "buffer.pt", b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R")
    assert "bytearray" in refused(measure_file, tmp_path / "buffer.pt")
    doubled = b"}K\x01" + b"".join(b"q%ch%ch%c\x86" % (i, i, i) for i in range(60)) + b"K\x01s"
    _pickled(tmp_path / "tuples.pt", doubled)
    assert "tuples" in refused(measure_file, tmp_path / "tuples.pt")
    monkeypatch.setattr(sizes, "MAX_INSTRUCTIONS", 10_000)
    _pickled(tmp_path / "name.pt", b"cos\n" + b"a" * 200_000 + b"\n")
    assert "letters" in refused(measure_file, tmp_path / "name.pt")
    text = b"X" + struct.pack("<I", 200_000) + b"a" * 200_000
    _pickled(tmp_path / "call.pt", text + b")R")
    assert "no function" in refused(measure_file, tmp_path / "call.pt")
    _pickled(tmp_path / "long.pt", b"]" * 20_000)
    assert "instructions" in refused(measure_file, tmp_path / "long.pt")
    with (tmp_path / "old.pt").open("wb") as stream:
        stream.write(b"".join(pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {})))
        stream.write(b"\x80\x02" + doubled + b".")
    assert "tuples" in refused(measure_file, tmp_path / "old.pt")


def test_a_header_of_safetensors_that_is_longer_than_its_file(tmp_path, refused):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{" + b" " * 100)
    refused(measure_file, tmp_path / "a.safetensors")


def test_four_bit_codes_of_a_shape_that_they_do_not_fill(tmp_path, refused):
    said = {"shape": [200_000, 200_000], "blocksize": 64, "quant_type": "nf4", "dtype": "float32"}
    state = {
        "a.weight": torch.zeros(32, 1, dtype=torch.uint8),
        "a.weight.absmax": torch.ones(1),
        "a.weight.quant_map": torch.linspace(-1, 1, 16),
        "a.weight.quant_state.bitsandbytes__nf4": torch.tensor(
            list(json.dumps(said).encode()), dtype=torch.uint8
        ),
    }
    save_file(state, tmp_path / "a.safetensors")
    assert "codes of 4 bits" in refused(measure_file, tmp_path / "a.safetensors")


def test_adapters_whose_product_is_vast(tmp_path, refused):
    pair = {"a.lora_A.weight": torch.ones(1, 100_000), "a.lora_B.weight": torch.ones(100_000, 1)}
    save_file(pair, tmp_path / "adapter_model.safetensors")
    assert "in memory" in refused(measure_file, tmp_path / "adapter_model.safetensors")


def test_patterns_of_adapters_that_never_end(tmp_path, refused):
    pair = {f"{'a' * 60}.lora_A.weight": torch.ones(1, 4), f"{'a' * 60}.lora_B.weight": torch.ones(4, 1)}  # fmt: skip  # noqa: E501
    save_file(pair, tmp_path / "adapter_model.safetensors")
    settings = {"peft_type": "LORA", "lora_alpha": 1, "alpha_pattern": {"(a+)+x": 1}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    assert "alpha_pattern" in refused(measure_file, tmp_path)


def _picture(path, side: int):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("1", (side, side)).save(path)


@pytest.mark.parametrize("side", [None, 8])
def test_pictures_that_unfold(tmp_path, refused, side):
    for split in ("train", "test"):
        for index in range(15):
            _picture(tmp_path / f"{split}/a/{index}.png", 2_500)
    folder = ImageFolder(validation=1, path=".", side=side)
    assert "in memory" in refused(folder.load, tmp_path)
    cells = [(tmp_path / f"train/a/{index}.png").read_bytes() for index in range(15)]
    table = pa.table({"image": cells, "label": [0] * 15})
    pq.write_table(table, tmp_path / "a.parquet")
    stored = Parquet(validation=1, train=("a.parquet",), test=("a.parquet",), side=side)
    assert "in memory" in refused(stored.load, tmp_path)


def test_pipes_devices_and_sockets_are_not_waited_for(tmp_path, refused):
    _picture(tmp_path / "train/a/0.png", 8)
    _picture(tmp_path / "test/a/0.png", 8)
    special = tmp_path / "train/a/1.png"
    os.mkfifo(special)
    assert "named pipe" in refused(ImageFolder(validation=1, path=".").load, tmp_path)
    special.unlink()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(special))
        assert "socket" in refused(ImageFolder(validation=1, path=".").load, tmp_path)
    special.unlink()
    special.symlink_to("/dev/zero")
    assert "device" in refused(ImageFolder(validation=1, path=".").load, tmp_path)


def test_a_study_of_pipes_is_not_waited_for(tmp_path, refused):
    (tmp_path / "runs/a").mkdir(parents=True)
    os.mkfifo(tmp_path / "runs/a/run.json")
    refused(Curves.read, tmp_path)
    os.mkfifo(tmp_path / "a.safetensors")
    refused(measure_file, tmp_path / "a.safetensors")
    os.mkfifo(tmp_path / "a.csv")
    refused(read_table, tmp_path / "a.csv")


def test_one_number_for_a_tensor_of_any_shape(tmp_path):
    """TensorBoard's own reader repeats the one number until the shape is full."""
    from tensorboard.compat.proto import event_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    side = tensor_shape_pb2.TensorShapeProto.Dim(size=10**11)
    vast = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT,
        float_val=[1.0],
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=[side]),
    )
    (tmp_path / "P10-s0").mkdir()
    with (tmp_path / "P10-s0/events.out.tfevents.1").open("wb") as stream:
        for tag in ("vast", "norm/log_l1/global", "val/loss"):
            event = event_pb2.Event(step=1)
            value = event.summary.value.add(tag=tag)
            if tag == "vast":
                value.tensor.CopyFrom(vast)
            else:
                value.simple_value = 0.5
            RecordWriter(stream).write(event.SerializeToString())
    tracemalloc.start()
    assert read_tensorboard(tmp_path).norms == ["l1"]
    assert tracemalloc.get_traced_memory()[1] < MOST
    tracemalloc.stop()


def test_a_study_of_endless_seeds():
    import normlaws as nl

    with pytest.raises(InputError, match="at most 100,000 runs"):
        nl.Study.load({"extends": "digits-cnn", "seeds": 10**9})


def test_eps_is_not_handed_to_ghostscript(tmp_path):
    _picture(tmp_path / "test/a/0.png", 8)
    (tmp_path / "train/a").mkdir(parents=True)
    (tmp_path / "train/a/0.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(CorruptFileError, match="cannot be decoded"):
        ImageFolder(validation=1, path=".").load(tmp_path)
