"""Saved dictionaries are read without unpickling; whatever else a file holds is refused."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from normlaws.errors import CorruptFileError, NormlawsError
from normlaws.interop import pickle_machine, read_deep_norm
from normlaws.interop.pickle_machine import STEPS
from normlaws.interop.restricted import load_dict

from .hostile_pickles import BOMBS, FORGED, npy

HONEST = {
    "float": np.linspace(0, 1, 7),
    "big endian": np.arange(3, dtype=">f8"),
    "half": np.ones(2, np.float16),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "bytes": np.arange(-3, 3, dtype=np.int8),
    "unsigned": np.array([2**64 - 1], np.uint64),
    "truth": np.array([True, False]),
    "text": np.array([["ab", "ü"]]),
    "ascii": np.array([b"abc"]),
    "none": np.zeros((0, 3)),
    "one": np.array(3),
    "strided": np.arange(6)[::2],
    "number": np.float64(0.1),
    "word": np.str_("ü"),
    "plain": [1, -1, 300, 2**40, 2**100, 0.5, True, None, "ü", b"b", (1, 2, 3, 4), {"a": []}],
}


def saved(value, protocol):
    return npy(pickle.dumps(np.array(value, dtype=object), protocol=protocol))


def same(mine, known):
    assert type(mine) is type(known)
    if isinstance(known, np.ndarray | np.generic):
        known = known.astype(known.dtype.newbyteorder("="))
        assert (mine.dtype.str, mine.shape) == (known.dtype.str, known.shape)
        assert mine.strides == known.strides or not known.size
        assert mine.tobytes() == known.tobytes()
    else:
        assert mine == known


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("core", ["core", "_core"])
def test_what_numpy_saves_is_read_bit_for_bit(tmp_path, protocol, core):
    path = tmp_path / "honest.npy"
    content = saved(HONEST, protocol)
    known = np.load(io.BytesIO(content), allow_pickle=True).item()
    if protocol == 3:  # names stand in lines of their own there, and may change their length
        now = f"numpy.{'_core' if hasattr(np, '_core') else 'core'}.".encode()
        content = content.replace(now, f"numpy.{core}.".encode())
    path.write_bytes(content)
    mine = load_dict(path)
    assert list(mine) == list(known) == list(HONEST)
    for name, value in known.items():
        same(mine[name], value)


def test_an_array_of_objects_becomes_a_list(tmp_path):
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.arange(2), "a"]
    np.save(tmp_path / "a.npy", np.array({"a": ragged}, dtype=object))
    numbers, text = load_dict(tmp_path / "a.npy")["a"]
    assert (numbers.tolist(), text) == ([0, 1], "a")


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_pickle_is_refused(tmp_path, name):
    path = tmp_path / "forged.npy"
    path.write_bytes(npy(FORGED[name]))
    with pytest.raises(CorruptFileError) as refused:
        load_dict(path)
    message = str(refused.value)
    assert message.isprintable()
    assert len(message.replace(str(path), "")) < 400


@pytest.mark.parametrize("code", sorted({bytes([i]) for i in range(256)} - set(STEPS) - {b"."}))
def test_every_other_instruction_is_refused(tmp_path, code):
    path = tmp_path / "other.npy"
    path.write_bytes(npy(b"}" + code + b"\x01\x01\x01\x01\n\n."))
    with pytest.raises(CorruptFileError, match="refused the instruction"):
        load_dict(path)


HEADERS = {
    "another order": "{'shape': (), 'descr': '|O', 'fortran_order': False}\n",
    "code": "{'descr': '|O', 'fortran_order': False, 'shape': (1).real, }\n",
    "parentheses": "(" * 9000 + "\n",
    "fields": "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (), }\n",
    "quotes": "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n{}\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_compared_and_not_evaluated(tmp_path, name):
    text = HEADERS[name].encode()
    start = np.lib.format.magic(1, 0) + len(text).to_bytes(2, "little")
    path = tmp_path / "header.npy"
    path.write_bytes(start + text + b"}.")
    with pytest.raises(CorruptFileError, match="expected"):
        load_dict(path)
    path.write_bytes(np.lib.format.magic(2, 0) + b"\xff\xff\xff\xff" + text)
    with pytest.raises(CorruptFileError, match="damaged"):
        load_dict(path)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(CorruptFileError, match="folder"):
        load_dict(tmp_path)


def test_numpy_hears_of_checked_types_alone(tmp_path, monkeypatch):
    """Nothing is unpickled, and no array of objects is made, of honest or of forged files."""
    asked = []

    class Watched:
        ndarray, generic, uint8 = np.ndarray, np.generic, np.uint8

        def __getattr__(self, name):
            def call(*arguments):
                asked.append((name, arguments))
                return getattr(np, name)(*arguments)

            return call

    monkeypatch.setattr("normlaws.interop.pickled_array.np", Watched())
    for name in ("Unpickler", "loads", "load"):
        monkeypatch.delattr(pickle, name)
    path = tmp_path / "a.npy"
    path.write_bytes(saved(HONEST, 4))
    load_dict(path)
    for pickled in FORGED.values():
        path.write_bytes(npy(pickled))
        with pytest.raises(CorruptFileError):
            load_dict(path)
    assert {name for name, _ in asked} == {"dtype", "frombuffer", "zeros"}
    for name, (*_, kind) in asked:
        kind = np.dtype(float) if name == "zeros" and kind == 0 else np.dtype(kind)
        assert kind.kind in "biufSU"
        assert not kind.hasobject
        assert kind.fields is kind.subdtype is None


def test_no_way_leads_to_an_import():
    folder = Path(pickle_machine.__file__).parent
    for name in ("restricted", "pickle_machine", "pickled_array", "npy_header"):
        text = (folder / f"{name}.py").read_text()
        for word in (
            "import pickle\n",
            "importlib",
            "__import__",
            "eval(",
            "getattr(np",
            "np.load",
        ):
            assert word not in text


READ_ALL = """
import json, resource, sys
from pathlib import Path
from normlaws.errors import CorruptFileError
from normlaws.interop import read_deep_norm

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

before, said = used(), {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        read_deep_norm(path)
    except CorruptFileError as refused:
        said[path.stem] = str(refused)
print(json.dumps({"grown": used() - before, "said": said}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB on Linux")
def test_bombs_are_refused_in_little_memory(tmp_path):
    for name, pickled in BOMBS.items():
        (tmp_path / f"{name}.npy").write_bytes(npy(pickled))
    words = [sys.executable, "-c", READ_ALL, str(tmp_path)]
    answer = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=120).stdout)
    assert set(answer["said"]) == set(BOMBS)
    spelled = [text for text in answer["said"].values() if "wanted where none" in text]
    assert not spelled  # each fails for its size alone
    assert answer["grown"] < 300  # MB, of all together


def test_the_command_line_says_one_sentence(tmp_path):
    path = tmp_path / "bomb.npy"
    path.write_bytes(npy(BOMBS["lists twice"]))
    words = ["from normlaws.cli import main; main()", "import", "deep-norm", str(path)]
    answer = subprocess.run(
        [sys.executable, "-c", *words, "--out", str(tmp_path / "o.parquet")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 2
    assert "expected up to" in answer.stderr
    assert answer.stderr.count("\n") == 1


def curves_of(sizes=(10, 20), grid=(1.0, 2.0, 3.0), errors=None):
    errors = np.full((2, 3), 0.5) if errors is None else errors
    names = ("P_arr", "log_x_grid", "mean_val_error_arr")
    return dict(zip(names, map(np.asarray, (sizes, grid, errors)), strict=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sizes": (0, 10)},
        {"sizes": (1.5, 10)},
        {"sizes": (np.nan, 10)},
        {"sizes": (1e300, 10)},
        {"sizes": ((10, 20),)},
        {"grid": (0.0, 1.0, 2.0)},
        {"grid": (1.0, 2.0, np.inf)},
        {"grid": ((1.0, 2.0, 3.0),)},
        {"grid": ("a", "b", "c")},
        {"errors": np.zeros((0, 2, 3))},
        {"errors": np.zeros((2, 4))},
        {"errors": np.full((2, 3), 7.0)},
        {"sizes": np.arange(1, 202), "errors": np.zeros((201, 3))},
        {"grid": np.ones(60_000), "errors": np.zeros((2, 60_000))},
    ],
)
def test_curves_that_cannot_be_are_refused(tmp_path, wrong):
    path = tmp_path / "curves.npy"
    path.write_bytes(saved(curves_of(**wrong), 4))
    with pytest.raises(NormlawsError, match="expected"):
        read_deep_norm(path)


@pytest.mark.parametrize("value", [2**1000, {}, [[1], [1, 2]], None, "a", [np.ones(2), 1]])
def test_values_that_are_no_numbers_are_refused(tmp_path, value):
    path = tmp_path / "curves.npy"
    path.write_bytes(saved(curves_of() | {"P_arr": value}, 4))
    with pytest.raises(CorruptFileError, match="expected"):
        read_deep_norm(path)


def mutations(content, count, seed):
    """Copies of a file with bytes changed, left out, put in or repeated."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(random.integers(1, 4)):
            at, to = sorted(random.integers(0, len(changed), 2))
            to = min(to, at + 20)
            match random.integers(4):
                case 0:
                    changed[at] = random.integers(256)
                case 1:
                    del changed[at:to]
                case 2:
                    changed[at:at] = random.bytes(3)
                case _:
                    changed[at:at] = changed[at:to]
        yield bytes(changed)


@pytest.mark.parametrize("protocol", [3, 5])
def test_damaged_files_raise_named_errors_alone(tmp_path, protocol):
    whole = saved(curves_of() | {"text": np.array(["ab"]), "k1": np.float64(1)}, protocol)
    path = tmp_path / "damaged.npy"
    refused = 0
    for content in mutations(whole, 400, protocol):
        path.write_bytes(content)
        try:
            read_deep_norm(path)
        except NormlawsError:
            refused += 1
    assert refused > 200


def test_a_cut_file_is_refused_wherever_it_ends(tmp_path):
    whole = saved(curves_of(), 4)
    path = tmp_path / "cut.npy"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(CorruptFileError):
            read_deep_norm(path)
