"""A study runs on the workers of a dask cluster on this machine."""

import contextlib

from normlaws import Study

STUDY = {
    "name": "small",
    "sizes": [16, 32],
    "seeds": 1,
    "data": {"name": "digits", "validation": 100},
    "model": {"family": "mlp", "hidden": [8]},
    "training": {"steps": 10, "batch_size": 8, "records": 4},
}


@contextlib.contextmanager
def cluster():
    """Address of a scheduler; without the extra none can be started, and none is asked for."""
    try:
        from distributed import LocalCluster
    except ModuleNotFoundError:
        yield "tcp://127.0.0.1:9"
        return
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as started:
        yield started.scheduler_address


if __name__ == "__main__":
    with cluster() as address:
        curves = Study.load(STUDY).run("runs/small", cluster=address, progress=False)
    assert list(curves.runs["status"]) == ["complete", "complete"]
