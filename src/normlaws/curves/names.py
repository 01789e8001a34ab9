"""What metrics and norms are called: foreign names, and what is read where nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from normlaws.errors import InputError, allowed

DEFAULT_NORM = "spectral_complexity"
DEFAULT_METRICS = ("test_error", "val_error", "test_loss", "val_loss", "train_error", "train_loss")
SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "eval": "val", "dev": "val",
    "test": "test",
}  # fmt: skip
# the usual name first, and the others for what they are in one framework or another
_WORDS = {
    "loss": ("loss", "cross_entropy", "crossentropy", "ce", "nll", "nll_loss", "ce_loss",
             "cross_entropy_loss", "crossentropy_loss", "xent"),
    "error": ("error", "err", "error_rate", "err_rate", "top1_error", "top1_err",
              "misclassification", "misclassification_rate"),
    "accuracy": ("accuracy", "acc", "acc1", "acc_1", "top1", "top_1", "top1_acc", "top1_accuracy",
                 "acc_top1", "accuracy_top1", "prec1", "prec_1", "binary_accuracy",
                 "categorical_accuracy", "sparse_categorical_accuracy", "multiclass_accuracy",
                 "multiclassaccuracy", "binaryaccuracy"),
}  # fmt: skip
_WHAT = {word: what for what, words in _WORDS.items() for word in words}
_PLAIN = {"loss", "error", "err", "accuracy", "acc"}


def metric_of(name: str) -> str | None:
    """``<split>_error``, ``<split>_loss`` or ``<split>_accuracy`` that a logged name stands for.

    A split and what was measured, in either order, joined by anything but letters and digits:
    ``val/acc1``, ``test_nll``, ``eval/top1``, ``val_error_rate``, ``Accuracy/test``. ``val``,
    ``valid``, ``validation``, ``eval`` and ``dev`` are the validation split. An accuracy becomes an
    error as 1 − accuracy. ``None`` for a name that means nothing here.
    """
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    first, _, rest = words.partition("_")
    start, _, last = words.rpartition("_")
    for split, what in ((first, rest), (last, start)):
        if split in SPLITS and what in _WHAT:
            return f"{SPLITS[split]}_{_WHAT[what]}"
    return None


def is_plain(name: str) -> bool:
    """Whether a name says loss, error or accuracy in so many words; it wins over another name."""
    return bool(_PLAIN & set(re.split(r"[^a-z0-9]+", name.lower())))


def default_norm(norms: Sequence[str]) -> str:
    """Spectral complexity where it is recorded, or the only norm recorded.

    Raises:
        InputError: several norms are recorded, none of them spectral complexity; or none.
    """
    if DEFAULT_NORM in norms:
        return DEFAULT_NORM
    if len(norms) == 1:
        return norms[0]
    raise InputError(
        f"expected the name of a norm, because {DEFAULT_NORM} is not recorded; recorded are "
        f"{allowed(norms)}"
        if norms
        else "expected curves with a recorded norm (a column log_…), but there is none"
    )


def shown_norm(norms: Sequence[str]) -> str | None:
    """The norm that is shown first: the default one, or the first of several."""
    return DEFAULT_NORM if DEFAULT_NORM in norms else next(iter(norms), None)


def default_metric(metrics: Sequence[str]) -> str:
    """The first recorded of test and validation error, test and validation loss, training's.

    Raises:
        InputError: nothing is recorded.
    """
    for name in (*DEFAULT_METRICS, *metrics):
        if name in metrics:
            return name
    raise InputError(f"expected curves with one of {allowed(DEFAULT_METRICS)}, but there is none")
