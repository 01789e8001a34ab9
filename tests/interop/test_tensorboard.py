"""Event files that other programs wrote, whole and damaged."""

from __future__ import annotations

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError, NormlawsWarning
from normlaws.interop import ColumnMap, Identity, read_tensorboard

NAMES = Identity(run_pattern=r"n=(?P<size>\d+)_rep(?P<seed>\d+)")


@pytest.fixture
def logs(tmp_path):
    """Two runs of a plain loop, as PyTorch's tutorials log them."""
    for size in (10, 20):
        with SummaryWriter(str(tmp_path / f"n={size}_rep3")) as writer:
            for step in (0, 5, 9):
                writer.add_scalar("Loss/train", 2.0 / (step + 1), step)
                writer.add_scalar("Accuracy/test", 1 - 0.5 / (step + 1), step)
                writer.add_scalar("norm/log_l1/global", float(step), step)
                writer.add_scalar("lr", 0.1, step)
            writer.add_text("note", "<script>", 0)
            writer.add_histogram("weights", np.arange(5.0), 0)
    return tmp_path


def event_file(folder):
    return next(folder.rglob("*tfevents*"))


def test_usual_tags_and_names_are_understood(logs):
    curves = read_tensorboard(logs, identity=NAMES)
    assert curves.sizes == [10, 20]
    assert curves.seeds == [3]
    assert list(curves.runs["run"]) == ["n=10_rep3", "n=20_rep3"]
    first = curves.frame[curves.frame["size"] == 10]
    np.testing.assert_allclose(first["train_loss"], [2, 2 / 6, 2 / 10], rtol=1e-6)
    np.testing.assert_allclose(first["test_error"], [0.5, 0.5 / 6, 0.05], atol=1e-6)
    np.testing.assert_array_equal(first["log_l1"], [0, 5, 9])
    assert list(first["step"]) == [0, 5, 9]


def test_one_file_is_one_run(logs):
    file = event_file(logs / "n=20_rep3")
    identity = Identity(run_pattern=r"n=(?P<size>\d+)")
    assert read_tensorboard(file, identity=identity).sizes == [20]


def test_named_tags_go_before_usual_ones(logs):
    columns = ColumnMap({"frobenius": "norm/log_l1/global", "val_loss": "Loss/train"})
    curves = read_tensorboard(logs, columns, NAMES)
    assert curves.norms == ["frobenius"]
    assert curves.metrics == ["val_loss", "test_error"]
    np.testing.assert_allclose(curves.frame["log_frobenius"][1:3], np.log([5, 9]))


@pytest.mark.parametrize("prefix", ["", "train/"])
def test_a_tag_says_whether_it_is_a_logarithm(tmp_path, prefix):
    with SummaryWriter(str(tmp_path / "P10-s0")) as writer:
        writer.add_scalar(f"{prefix}norm/l1/global", 5.0, 0)
        writer.add_scalar(f"{prefix}norm/log_frobenius/global", -5.0, 0)
        writer.add_scalar(f"{prefix}norm/log_frobenius/layer.0", 1.0, 0)
        writer.add_scalar("eval/loss", 1.0, 0)
    row = read_tensorboard(tmp_path).frame.iloc[0]
    assert row["log_l1"] == np.log(5)
    assert row["log_frobenius"] == -5
    assert row["val_loss"] == 1


def test_hyperparameters_of_a_subfolder_belong_to_the_run_around_it(tmp_path):
    for size in (10, 20):
        with SummaryWriter(str(tmp_path / f"run{size}")) as writer:
            writer.add_scalar("val/loss", 1.0, 0)
            writer.add_hparams({"n_train": size, "seed": 1}, {"hparam/best": 0.1}, run_name="h")
    curves = read_tensorboard(tmp_path)
    assert curves.sizes == [10, 20]
    assert curves.seeds == [1]


def test_missing_sizes_and_seeds_say_how_to_name_them(logs):
    with pytest.raises(InputError, match=r"size for run 'n=10_rep3'.*--size KEY .*--run-pattern"):
        read_tensorboard(logs)
    with pytest.raises(InputError, match=r"seed for every run of size 3.*--seed KEY"):
        read_tensorboard(logs, identity=Identity(run_pattern=r"rep(?P<size>\d)"))


def test_two_tags_of_one_meaning_must_be_told_apart(logs):
    with SummaryWriter(str(logs / "n=10_rep3")) as writer:
        writer.add_scalar("train_loss", 1.0, 0)
    with pytest.raises(InputError, match=r"one tag for train_loss.*--column train_loss=TAG"):
        read_tensorboard(logs, identity=NAMES)
    curves = read_tensorboard(logs, ColumnMap({"train_loss": "Loss/train"}), NAMES)
    assert len(curves) == 6


def test_unknown_tags_are_listed(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("lr", 0.1, 0)
    with pytest.raises(InputError, match="got lr; name them with --column"):
        read_tensorboard(tmp_path)
    with pytest.raises(InputError, match="column named 'loss'"):
        read_tensorboard(tmp_path, ColumnMap({"val_loss": "loss"}))


def test_norm_and_error_at_different_steps_are_said(tmp_path):
    with SummaryWriter(str(tmp_path / "P10-s0")) as writer:
        writer.add_scalar("norm/l1/global", 0.1, 0)
        writer.add_scalar("val/loss", 0.1, 1)
    with pytest.warns(NormlawsWarning, match="never recorded a norm and an error at one step"):
        read_tensorboard(tmp_path)


def test_an_empty_folder_has_no_event_files(tmp_path):
    with pytest.raises(DataNotFoundError, match="expected TensorBoard event files"):
        read_tensorboard(tmp_path)


def test_a_killed_run_is_read_up_to_its_cut(logs):
    file = event_file(logs / "n=10_rep3")
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.warns(NormlawsWarning, match=r"tfevents.* ends within a record"):
        curves = read_tensorboard(logs, identity=NAMES)
    assert len(curves) == 6


@pytest.mark.parametrize("place", [3, 9, 40, -3])
def test_a_flipped_bit_is_noticed(logs, place):
    file = event_file(logs / "n=10_rep3")
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"n=10_rep3.*a checksum does not fit"):
        read_tensorboard(logs, identity=NAMES)


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "tfevents.txt").write_bytes(b"no event file, but long enough for a header")
    with pytest.raises(CorruptFileError, match=r"tfevents\.txt"):
        read_tensorboard(tmp_path)


def test_a_whole_record_that_is_no_event_is_refused(tmp_path):
    from tensorboard.summary.writer.record_writer import RecordWriter

    with (tmp_path / "x.tfevents").open("wb") as stream:
        RecordWriter(stream).write(b"\xff" * 20)
    with pytest.raises(CorruptFileError, match=r"x\.tfevents, but a record is no event"):
        read_tensorboard(tmp_path)
