"""NumPy's linear algebra kept from fighting PyTorch's over the cores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which NumPy's BLAS stays on one thread.

    Its idle threads spin. An iteration that goes to and fro between NumPy (small matrices) and
    PyTorch (convolutions) then has twice as many busy threads as cores: on two cores the operator
    norms of ResNet-18 took 4 to 15 times as long.
    """
    limited: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return limited
