"""A batch system's workers, from the ``[cluster]`` table of a study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from normlaws.errors import InputError, MissingExtraError
from normlaws.problems.settings import Settings, added

KINDS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
SHELL = set(";|&$`<>(){}!\\\"'*?#~")


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _plain(text: str) -> str:
    if SHELL & set(_one_line(text)):
        raise ValueError(f"must hold none of the shell's characters {' '.join(sorted(SHELL))}")
    return text


Word = Annotated[str, AfterValidator(_plain)]
Line = Annotated[str, AfterValidator(_one_line)]
Skipped = Annotated[Line, Field(min_length=1)]


class ClusterSettings(Settings):
    """Jobs of a batch system, each of which starts worker processes; no part of any run's id.

    What is left out comes from dask-jobqueue's own configuration of the user
    (``~/.config/dask/jobqueue.yaml``). That is also the place for lines of shell, such as ``module
    load``: a study file holds plain data, and none of it reaches a shell as code.
    """

    kind: Literal["slurm", "pbs", "lsf", "sge"]
    jobs: int = Field(default=1, ge=1, description="kept running until the study is done")
    cores: int | None = Field(default=None, ge=1, description="of a job")
    processes: int | None = Field(
        default=None, ge=1, description="workers of a job; one per core, or one per GPU"
    )
    memory: Word | None = Field(default=None, description="of a job, such as 16GB")
    walltime: Word | None = Field(default=None, description="of a job, in the system's format")
    queue: Word | None = Field(default=None, description="or partition")
    account: Word | None = Field(default=None, description="or project, that is charged")
    directives: tuple[Line, ...] = Field(
        default=(), description="further lines of the job's header, without their #SBATCH, #PBS …"
    )
    directives_skip: tuple[Skipped, ...] = added(
        (), description="lines of the job's header that hold one of these texts are left out"
    )
    interface: Word | None = Field(default=None, description="network interface, such as ib0")
    local_directory: Word | None = Field(default=None, description="fast storage of a node")
    log_directory: Word | None = Field(default=None, description="of the jobs' output")
    resource_spec: Line | None = Field(default=None, description="of pbs and sge")

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of dask-jobqueue's cluster class; only what was given.

        Raises:
            InputError: ``resource_spec`` for a system that has none.
        """
        if self.resource_spec is not None and self.kind not in ("pbs", "sge"):
            raise InputError(
                f"expected cluster.resource_spec for pbs or sge only, got it for {self.kind}; "
                "use directives"
            )
        charged = "project" if self.kind in ("lsf", "sge") else "account"
        given = self.model_dump(
            exclude={"kind", "jobs", "account", "directives", "directives_skip"}
        )
        given |= {
            charged: self.account,
            "processes": self.processes or self.cores,
            "job_extra_directives": list(self.directives) or None,
            "job_directives_skip": list(self.directives_skip) or None,
        }
        return {name: value for name, value in given.items() if value is not None}


def start_cluster(settings: ClusterSettings, **options: Any) -> Any:
    """A cluster of dask-jobqueue: its scheduler in this process, no job submitted yet.

    Args:
        settings: the table of the study file.
        **options: further keyword arguments of dask-jobqueue's class.

    Raises:
        MissingExtraError: dask-jobqueue is not installed.
        InputError: cores or memory are given neither here nor in the user's configuration.
    """
    try:
        import dask_jobqueue
    except ImportError:
        raise MissingExtraError(f"running on {settings.kind}", "cluster") from None
    try:
        return getattr(dask_jobqueue, KINDS[settings.kind])(**settings.arguments(), **options)
    except ValueError as error:
        raise InputError(
            f"expected cluster.cores and cluster.memory for {settings.kind}, in the study file or "
            f"in ~/.config/dask/jobqueue.yaml; dask-jobqueue said: {str(error).splitlines()[0]}"
        ) from None
