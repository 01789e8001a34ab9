"""What made a run: versions, hardware, code."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from normlaws import version as package

_PACKAGES = ("torch", "numpy", "scikit-learn", "pyarrow")


@cache
def versions(*others: str) -> dict[str, str]:
    """Versions of Python and of the packages whose arithmetic a curve depends on, if installed.

    Args:
        others: further installed packages, such as the framework that runs the training.
    """
    return {
        "python": platform.python_version(),
        "normlaws": package.__version__,
        **{name: found for name in _PACKAGES if (found := _installed(name))},
        **{name: version(name) for name in others},
    }


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def processor() -> str:
    """The processor's model name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def hardware(device: str) -> dict[str, Any]:
    """Processor, cores, and the device and thread count that did the arithmetic.

    PyTorch is asked where this process uses it, and not imported for the purpose.
    """
    torch = sys.modules.get("torch")
    gpu = device.startswith("cuda")
    return {
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "device": torch.cuda.get_device_name(device) if torch and gpu else device,
    }


@cache
def code(file: str = package.__file__) -> dict[str, str | bool | None]:
    """Commit of the checkout that ``file`` belongs to; ``None`` where git does not know it.

    Args:
        file: a source file; by default one of this package.
    """
    source = Path(file).resolve()
    here = source.parent
    commit = _git(here, "rev-parse", "HEAD") if _git(here, "ls-files", str(source)) else None
    changed = bool(_git(here, "status", "--porcelain", "--", ".")) if commit else None
    return {"commit": commit, "uncommitted_changes": changed}


def state() -> tuple[str, ...]:
    """Code and versions that what was computed depends on; nothing where the code was changed.

    Outside a checkout the code is known by its version and its newest file.
    """
    made_by = code()
    if made_by["uncommitted_changes"]:
        return ()
    return str(made_by["commit"] or _newest_source()), str(versions())


def _newest_source() -> int:
    """When a file of the package was last changed, nanoseconds."""
    root = Path(package.__file__).resolve().parent
    return max(path.stat().st_mtime_ns for path in root.rglob("*.py"))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
