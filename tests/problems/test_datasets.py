"""Every data set, through a tiny sample in its own format, and what its failures say."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter

from normlaws.errors import CorruptFileError, DataNotFoundError, InputError
from normlaws.problems import DATA_SETS, DataSettings, load_data_set, split

POOL, TEST = 6, 4
LABELS = np.array([0, 1, 2, 2, 1, 0])


def pixels(count: int, *shape: int) -> np.ndarray:
    """(count, *shape) bytes, different for every image; the test images follow the pool's."""
    values = np.random.default_rng(0).integers(0, 256, (count, *shape))
    return values.astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def no_sample(root: Path, monkeypatch):
    return {}, None


def idx(folder: str):
    def write(root: Path, monkeypatch):
        images = pixels(POOL + TEST, 5, 4)
        raw = root / folder
        raw.mkdir(parents=True)
        for name, part in (("train", slice(POOL)), ("t10k", slice(POOL, None))):
            count = len(images[part]).to_bytes(4, "big")
            sides = (5).to_bytes(4, "big") + (4).to_bytes(4, "big")
            head = b"\x00\x00\x08\x03" + count + sides
            (raw / f"{name}-images-idx3-ubyte").write_bytes(head + images[part].tobytes())
            labels = LABELS.astype(np.uint8)[: len(images[part])].tobytes()
            (raw / f"{name}-labels-idx1-ubyte").write_bytes(b"\x00\x00\x08\x01" + count + labels)
        return {}, images[:, None]

    return write


def cifar(kind: str):
    """The published archive's layout; its digests cannot be those of the published files."""

    def write(root: Path, monkeypatch):
        import torchvision

        loader = getattr(torchvision.datasets, kind)
        monkeypatch.setattr(loader, "_check_integrity", lambda self: True)
        monkeypatch.setattr(loader, "_load_meta", lambda self: None)
        images = pixels(POOL + TEST, 3, 32, 32)
        folder = root / loader.base_folder
        folder.mkdir(parents=True)
        names = [name for name, _ in loader.train_list + loader.test_list]
        per_file = POOL // len(loader.train_list)
        starts = [*range(0, POOL, max(1, per_file))][: len(loader.train_list)]
        cuts = [slice(start, start + per_file) for start in starts]
        cuts[-1] = slice(cuts[-1].start, POOL)
        key = "labels" if kind == "CIFAR10" else "fine_labels"
        for name, cut in zip(names, [*cuts, slice(POOL, None)], strict=True):
            data = images[cut].reshape(len(images[cut]), -1)
            labels = [int(n) for n in np.resize(LABELS, POOL + TEST)[cut]]
            (folder / name).write_bytes(pickle.dumps({"data": data, key: labels}))
        return {}, images

    return write


def tiny_imagenet(root: Path, monkeypatch):
    images = pixels(POOL + TEST, 8, 8, 3)
    folder, names = root / "tiny-imagenet-200", ["n01", "n02", "n03"]
    order = np.argsort(LABELS, kind="stable")
    for place, number in enumerate(order):
        inside = folder / "train" / names[LABELS[number]] / "images"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{place}.png").write_bytes(png(images[place]))
    (folder / "val" / "images").mkdir(parents=True)
    lines = []
    for number, image in enumerate(images[POOL:]):
        (folder / "val" / "images" / f"val_{number}.png").write_bytes(png(image))
        lines.append(f"val_{number}.png\t{names[LABELS[number]]}\t0\t0\t7\t7")
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines), encoding="utf-8")
    return {}, images.transpose(0, 3, 1, 2)


def folder(root: Path, monkeypatch):
    images = pixels(POOL + TEST, 8, 6)
    for number, image in enumerate(images):
        part = "train" if number < POOL else "valid"
        inside = root / "mine" / part / f"class{min(number % POOL // 2, 2)}"
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{number:02}.png").write_bytes(png(image))
    return {"path": "mine", "test": "valid", "gray": True}, images[:, None]


def parquet(root: Path, monkeypatch):
    images = pixels(POOL + TEST, 8, 6, 3)
    cells = [{"bytes": png(image), "path": None} for image in images]
    labels = [*LABELS.tolist(), *LABELS.tolist()[:TEST]]
    parts = {"a": slice(0, 2), "b": slice(2, POOL), "test": slice(POOL, None)}
    for name, part in parts.items():
        table = pa.table({"img": cells[part], "fine_label": labels[part]})
        pq.write_table(table, root / f"{name}.parquet")
    columns = {"image_column": "img", "label_column": "fine_label"}
    names = {"train": ["a.parquet", "b.parquet"], "test": ["test.parquet"]}
    return names | columns, images.transpose(0, 3, 1, 2)


def npz(root: Path, monkeypatch):
    images = pixels(POOL + TEST, 8, 6, 3)
    np.savez(
        root / "mine.npz",
        x_train=images[:POOL],
        y_train=LABELS[:, None],
        x_test=images[POOL:],
        y_test=LABELS[:TEST, None],
    )
    return {"path": "mine.npz"}, images.transpose(0, 3, 1, 2)


def custom(root: Path, monkeypatch):
    text = (
        "import torch\n"
        "from torch.utils.data import TensorDataset\n"
        "def parts(pool, test):\n"
        "    values = torch.load('images.pt')\n"
        "    labels = torch.tensor([0, 1, 2, 2, 1, 0, 0, 1, 2, 2])\n"
        "    whole = [TensorDataset(values[:pool], labels[:pool])]\n"
        "    return whole[0], TensorDataset(values[pool:], labels[pool:])\n"
    )
    (root / "data_of_the_user.py").write_text(text, encoding="utf-8")
    images = pixels(POOL + TEST, 3, 8, 6)
    torch.save(torch.from_numpy(images), root / "images.pt")
    monkeypatch.syspath_prepend(root)
    monkeypatch.chdir(root)
    options = {"factory": "data_of_the_user:parts", "options": {"pool": POOL, "test": TEST}}
    return options, images


SAMPLES = {
    "digits": no_sample,
    "mnist": idx("MNIST/raw"),
    "fashion-mnist": idx("FashionMNIST/raw"),
    "cifar10": cifar("CIFAR10"),
    "cifar100": cifar("CIFAR100"),
    "tiny-imagenet": tiny_imagenet,
    "parquet": parquet,
    "npz": npz,
    "folder": folder,
    "custom": custom,
    "teacher-student": no_sample,
    "diagonal-regression": no_sample,
    "associative-recall": no_sample,
    "in-context-regression": no_sample,
    "single-location": no_sample,
    "text": no_sample,
}


DRAWN = set(list(SAMPLES)[-6:])  # inputs stay as they are


def test_every_data_set_is_a_member_of_this_suite():
    assert set(SAMPLES) == set(DATA_SETS)


@pytest.mark.parametrize("name", SAMPLES)
class TestDataSet:
    @pytest.fixture
    def sample(self, name, tmp_path, monkeypatch):
        options, images = SAMPLES[name](tmp_path, monkeypatch)
        return load_data_set(name, tmp_path, **options), images, options

    def test_every_image_arrives_in_order_pixel_by_pixel(self, sample):
        data, images, _ = sample
        if images is None:
            return
        assert data.pool_images.dtype == torch.uint8
        np.testing.assert_array_equal(data.pool_images, images[:POOL])
        np.testing.assert_array_equal(data.test_images, images[POOL:])
        assert sorted(data.pool_labels.tolist()) == [0, 0, 1, 1, 2, 2]
        assert data.classes == 3

    def test_examples_are_normalised_by_the_pool(self, sample, name):
        data = sample[0]
        if name in DRAWN:
            return
        pool = data.pool_images.double().movedim(1, 0).flatten(1)
        np.testing.assert_allclose(data.mean, pool.mean(1), rtol=1e-12)
        np.testing.assert_allclose(data.std, pool.std(1), rtol=1e-12)
        parts = split(data, size=len(data.pool_labels) - 2, validation=2, seed=0)
        assert parts.train.images.dtype == torch.uint8
        both = torch.cat([parts.train.inputs, parts.validation.inputs]).double()
        np.testing.assert_allclose(both.mean(dim=(0, 2, 3)), 0, atol=1e-5)
        np.testing.assert_allclose(both.movedim(1, 0).flatten(1).std(1), 1, rtol=1e-5)

    def test_settings_survive_json(self, sample, name):
        adapter = TypeAdapter(DataSettings)
        settings = adapter.validate_python({"name": name, "validation": 2, **sample[2]})
        assert adapter.validate_json(adapter.dump_json(settings)) == settings


def test_a_linear_teacher_with_two_classes_is_the_perceptron_of_the_theory():
    data = load_data_set("teacher-student", dimension=20, pool=2000, test=500)
    assert data.image_shape == (1, 1, 20)
    inputs = data.pool_images[:, 0, 0]
    first, second = DATA_SETS["teacher-student"](validation=1, dimension=20).teacher(
        torch.Generator().manual_seed(0)
    )[0]
    assert torch.equal(data.pool_labels, (inputs @ (second - first) > 0).long())
    assert abs(data.pool_labels.float().mean() - 0.5) < 0.05
    parts = split(data, size=100, validation=50, seed=0)
    assert torch.equal(parts.test.inputs, data.test_images)


def test_inputs_of_a_spectrum_have_its_variances_and_unit_variance_overall():
    options = {"dimension": 10, "pool": 20_000, "test": 1000}
    white = load_data_set("teacher-student", **options)
    data = load_data_set("teacher-student", spectrum=1.5, **options)
    variances = data.pool_images[:, 0, 0].double().square().mean(0).numpy()
    expected = np.arange(1, 11) ** -1.5
    np.testing.assert_allclose(variances, expected / expected.mean(), rtol=0.04)
    ratio = data.pool_images[:, 0, 0] / white.pool_images[:, 0, 0]
    assert torch.allclose(ratio, ratio[:1].expand_as(ratio), rtol=1e-5)


def test_label_noise_replaces_training_labels_alone_and_the_same_ones_in_every_run():
    data = load_data_set("teacher-student", dimension=5, pool=9000, test=100, classes=3)
    options = {"validation": 1000, "split_seed": 3}
    clean = split(data, size=8000, seed=1, **options)
    noisy = split(data, size=8000, seed=1, label_noise=0.3, **options)
    assert torch.equal(noisy.validation.labels, clean.validation.labels)
    assert torch.equal(noisy.test.labels, clean.test.labels)
    assert torch.equal(noisy.train.images, clean.train.images)
    changes = (noisy.train.labels - clean.train.labels) % 3
    shares = changes.bincount(minlength=3) / 8000
    np.testing.assert_allclose(shares, [0.7, 0.15, 0.15], atol=5 * (0.3 * 0.7 / 8000) ** 0.5)

    def labels_by_input(parts):
        return dict(
            zip(
                map(tuple, parts.train.images[:, 0, 0].tolist()),
                parts.train.labels.tolist(),
                strict=True,
            )
        )

    other = labels_by_input(split(data, size=8000, seed=2, label_noise=0.3, **options))
    assert labels_by_input(noisy) == other


def test_real_cifar10_from_parquet_is_decoded_with_its_well_known_mean(shared_data, tmp_path):
    """The first rows of each file, written again: all 60,000 take ten seconds to decode."""
    for part, rows in (("train", 2000), ("test", 500)):
        path = shared_data / "cifar10-jpeg" / f"{part}-00000-of-00001.parquet"
        first = next(pq.ParquetFile(path).iter_batches(rows))
        pq.write_table(pa.Table.from_batches([first]), tmp_path / f"{part}.parquet")
    files = {"train": ["train.parquet"], "test": ["test.parquet"]}
    data = load_data_set("parquet", tmp_path, image_column="img", **files)
    assert data.pool_images.shape[1:] == (3, 32, 32)
    assert data.pool_labels.unique().tolist() == list(range(10))
    np.testing.assert_allclose(np.array(data.mean) / 255, [0.4914, 0.4822, 0.4465], atol=1e-2)
    np.testing.assert_allclose(np.array(data.std) / 255, [0.2470, 0.2435, 0.2616], atol=1e-2)


def no_network(self):
    raise RuntimeError("no route to host")


@pytest.mark.parametrize(
    ("name", "where", "fetch"),
    [
        ("mnist", "MNIST/raw below .*about 12 MB", "D = 'MNIST'|import MNIST as D"),
        ("fashion-mnist", "FashionMNIST/raw below .*about 31 MB", "import FashionMNIST as D"),
        ("cifar10", "cifar-10-batches-py below .*about 170 MB", "import CIFAR10 as D"),
        ("cifar100", "cifar-100-python below .*about 169 MB", "import CIFAR100 as D"),
        ("tiny-imagenet", "tiny-imagenet-200 below .*237 MB", "curl -O http"),
    ],
)
def test_absent_data_say_where_they_were_looked_for_how_large_and_how_to_fetch_them(
    name, where, fetch, tmp_path, monkeypatch
):
    for kind in ("MNIST", "CIFAR10"):
        monkeypatch.setattr(f"torchvision.datasets.{kind}.download", no_network)
    with pytest.raises(DataNotFoundError, match=where) as caught:
        load_data_set(name, tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert any(part in str(caught.value) for part in fetch.split("|"))
    assert "--data-root" in str(caught.value)


def test_an_absent_file_of_ones_own_is_named(tmp_path):
    with pytest.raises(DataNotFoundError, match=rf"archive .* at {tmp_path}/no\.npz.*--data-root"):
        load_data_set("npz", tmp_path, path="no.npz")


def test_files_of_the_hub_go_through_its_cache_and_failures_name_them(tmp_path, monkeypatch):
    import huggingface_hub

    options, images = parquet(tmp_path, monkeypatch)
    asked = []

    def download(repository, name, repo_type):
        asked.append((repository, repo_type))
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    data = load_data_set("parquet", tmp_path / "elsewhere", hub="me/mine", **options)
    np.testing.assert_array_equal(data.pool_images, images[:POOL])
    assert set(asked) == {("me/mine", "dataset")}

    def refuse(*arguments, **options):
        raise ConnectionError("offline\nwith a long tail")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(DataNotFoundError, match=r"a\.parquet of .*me/mine .*offline; fetch it"):
        load_data_set("parquet", tmp_path, hub="me/mine", **options)


def damaged(name: str, root: Path, monkeypatch) -> tuple[dict, Path]:
    options, _ = SAMPLES[name](root, monkeypatch)
    victim = {
        "mnist": root / "MNIST/raw/train-images-idx3-ubyte",
        "cifar10": root / "cifar-10-batches-py/data_batch_1",
        "npz": root / "mine.npz",
        "parquet": root / "b.parquet",
        "folder": root / "mine/train/class1/02.png",
        "tiny-imagenet": root / "tiny-imagenet-200/val/images/val_3.png",
    }[name]
    victim.write_bytes(victim.read_bytes()[:-40])
    if name == "cifar10":
        monkeypatch.undo()
    return options, victim


@pytest.mark.parametrize("name", ["mnist", "cifar10", "npz", "parquet", "folder", "tiny-imagenet"])
def test_a_truncated_file_is_named(name, tmp_path, monkeypatch):
    options, victim = damaged(name, tmp_path, monkeypatch)
    monkeypatch.setattr("torchvision.datasets.CIFAR10.download", no_network)
    with pytest.raises(CorruptFileError) as caught:
        load_data_set(name, tmp_path, **options)
    assert str(victim) in str(caught.value)


def write_table(root: Path, cells: list, labels: list) -> dict:
    pq.write_table(pa.table({"image": cells, "label": labels}), root / "t.parquet")
    return {"train": ["t.parquet"], "test": ["t.parquet"]}


def test_a_corrupt_image_inside_a_parquet_file_is_named_by_file_and_row(tmp_path):
    image = png(pixels(1, 4, 4)[0])
    options = write_table(tmp_path, [image, image[:30]], [0, 1])
    with pytest.raises(CorruptFileError, match=rf"row 1 of {tmp_path}/t\.parquet"):
        load_data_set("parquet", tmp_path, **options)
    options = write_table(tmp_path, [image, png(pixels(1, 4, 5)[0])], [0, 1])
    with pytest.raises(CorruptFileError, match=r"4 x 4 pixels .*5 x 4 at row 1 .*give side"):
        load_data_set("parquet", tmp_path, **options)
    resized = load_data_set("parquet", tmp_path, side=2, **options)
    assert resized.pool_images.shape == (2, 3, 2, 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y_train": np.zeros(3, int)}, "one label for each of 6 training images"),
        ({"y_train": LABELS - 1}, "labels 0, 1, … in the training examples, got -1"),
        ({"y_test": np.zeros(TEST)}, "training and test labels of one shape and type"),
        ({"x_test": pixels(TEST, 5, 5)}, "one shape and type, got .*8, 6.* and .*5, 5"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, message, tmp_path):
    whole = {
        "x_train": pixels(POOL, 8, 6),
        "y_train": LABELS,
        "x_test": pixels(TEST, 8, 6),
        "y_test": LABELS[:TEST],
    }
    np.savez(tmp_path / "a.npz", **(whole | arrays))
    with pytest.raises(InputError, match=message):
        load_data_set("npz", tmp_path, path="a.npz")


def test_nothing_is_unpickled_and_unknown_names_list_the_known(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="expected the arrays x_train, got"):
        load_data_set("npz", tmp_path, path="a.npz")
    keys = dict.fromkeys(("train_labels", "test_images", "test_labels"), "x_train")
    with pytest.raises(CorruptFileError, match=r"a\.npz, but .*allow_pickle"):
        load_data_set("npz", tmp_path, path="a.npz", **keys)
    pq.write_table(pa.table({"picture": [b""], "label": [0]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="expected the column picture or label, got image"):
        load_data_set("parquet", tmp_path, train=["t.parquet"], test=["t.parquet"])


def test_floats_are_the_targets_of_a_regression(tmp_path):
    arrays = {"x_train": pixels(POOL, 5), "x_test": pixels(TEST, 5)}
    for targets, outputs in ((np.linspace(0, 1, POOL), 1), (np.ones((POOL, 2)), 2)):
        np.savez(tmp_path / "a.npz", y_train=targets, y_test=targets[:TEST], **arrays)
        data = load_data_set("npz", tmp_path, path="a.npz")
        assert data.regression
        assert data.classes == outputs
        np.testing.assert_allclose(data.pool_labels, targets.reshape(POOL, -1), rtol=1e-6)
    np.savez(tmp_path / "a.npz", y_train=targets * np.nan, y_test=targets[:TEST], **arrays)
    with pytest.raises(InputError, match="expected finite targets in the training examples"):
        load_data_set("npz", tmp_path, path="a.npz")


def test_targets_of_diagonal_networks_are_sparse_and_clean_where_tested():
    data = load_data_set("diagonal-regression", dimension=9, relevant=4, noise=0.5, pool=4000)
    beta = torch.tensor([0.5] * 4 + [0.0] * 5)
    torch.testing.assert_close(data.test_labels[:, 0], data.test_images[:, 0, 0] @ beta)
    noise = data.pool_labels[:, 0] - data.pool_images[:, 0, 0] @ beta
    assert abs(float(noise.std()) - 0.5) < 0.03
    signs = load_data_set("diagonal-regression", dimension=9, relevant=4, labels="sign")
    assert torch.equal(signs.pool_labels, (signs.pool_images[:, 0, 0] @ beta > 0).long())


@pytest.mark.parametrize(("repetition", "fixed"), [(1, 0.0), (3, 0.0), (2, 0.4)])
def test_the_label_stands_behind_the_queried_key(repetition, fixed):
    options = {"keys": 7, "values": 5, "pairs": 4, "pool": 500, "test": 200}
    data = load_data_set("associative-recall", repetition=repetition, fixed=fixed, **options)
    assert data.classes == 12
    for sequences, labels, share in (
        (data.pool_images, data.pool_labels, fixed),
        (data.test_images, data.test_labels, 0.0),
    ):
        tokens = sequences.flatten(1).long()
        assert tokens.shape[1] == 9
        keys, values, query = tokens[:, 0:8:2], tokens[:, 1:8:2], tokens[:, 8]
        assert bool((keys < 7).all() and (values >= 7).all() and (values < 12).all())
        hit = keys == query[:, None]
        assert (hit.sum(1) == repetition).all()
        assert (values[hit].view(-1, repetition) == labels[:, None]).all()
        assert all(len(set(row.tolist())) == 5 - repetition for row in keys)
        same = float(((query == 0) & (labels == 7)).float().mean())
        assert abs(same - (share + (1 - share) / 35)) < 0.08


def test_in_context_regression_is_linear_in_every_sequence():
    data = load_data_set("in-context-regression", dimension=3, examples=8, noise=0.0, pool=50)
    for rows, target in zip(data.pool_images[:20, 0], data.pool_labels[:20, 0], strict=True):
        beta = torch.linalg.lstsq(rows[:-1, :3], rows[:-1, 3:]).solution[:, 0]
        torch.testing.assert_close(rows[-1, :3] @ beta, target, atol=1e-3, rtol=1e-3)
        assert rows[-1, 3] == 0


def test_the_target_of_a_single_location_is_linear_in_its_token():
    options = {"length": 6, "dimension": 4, "pool": 300, "test": 100}
    data = load_data_set("single-location", repetition=2, fixed=0.5, **options)
    token = data.pool_images[:, 0, -1]
    assert torch.equal(token, data.pool_images[:, 0, -2])
    teacher = torch.linalg.lstsq(token, data.pool_labels).solution
    torch.testing.assert_close(token @ teacher, data.pool_labels, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(teacher.norm(dim=1), torch.ones(4))  # columns of W*
    unit = (token == torch.eye(4)[0]).all(1).float().mean()
    assert abs(float(unit) - 0.5) < 0.1


def test_text_labels_are_the_next_characters(tmp_path):
    (tmp_path / "a.txt").write_text("abcde" * 40, encoding="utf-8")
    data = load_data_set("text", tmp_path, path="a.txt", context=7)
    assert data.classes == 5
    tokens = data.pool_images.flatten(1)
    assert torch.equal((tokens + 1) % 5, data.pool_labels)
    assert len(data.test_labels) == 2
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff" * 99)
    with pytest.raises(CorruptFileError, match=r"UTF-8 text at .*b\.txt"):
        load_data_set("text", tmp_path, path="b.txt")
    (tmp_path / "c.txt").write_text("short", encoding="utf-8")
    with pytest.raises(InputError, match="at least 80 characters"):
        load_data_set("text", tmp_path, path="c.txt", context=7)
    assert load_data_set("text").classes > 50
