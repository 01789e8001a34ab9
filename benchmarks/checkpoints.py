"""Large files of weights: iterations to 1e-6 beside decompositions, and the memory that they take.

    python benchmarks/checkpoints.py [--layers 4] [--width 2048] [--exact] [--folder DIR]

Writes a bfloat16 file in the shapes of a Llama (32000 × width embeddings, layers of width and
2.75 × width; 307 million weights by default), measures it in a process of its own, and prints time,
peak memory and, with ``--exact``, the same by decompositions and the largest difference. The time
of a model of 7 billion weights (32 layers of width 4096) is extrapolated from one of its layers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

_CHILD = """
import json, re, sys, time
from pathlib import Path
import torch
torch.set_num_threads(2)
from normlaws.norms import measure_file
began, cpu = time.perf_counter(), time.process_time()
found = measure_file(sys.argv[1], exact=sys.argv[2] == "exact")
print(json.dumps({
    "seconds": time.perf_counter() - began,
    "cpu": time.process_time() - cpu,
    "peak_mb": int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024,
    "sigma": found.layers["log_spectral_norm"].tolist(),
}))
"""


def write(path: Path, layers: int, width: int, tokens: int = 32000) -> int:
    """A file in the shapes of a Llama; returns the number of its weights."""
    generator = torch.Generator().manual_seed(0)
    inner = 5632 * width // 2048

    def matrix(rows: int, columns: int) -> torch.Tensor:
        drawn = torch.randn(rows, columns, generator=generator) / columns**0.5
        return drawn.to(torch.bfloat16)

    state = {"model.embed_tokens.weight": matrix(tokens, width)} if tokens else {}
    for index in range(layers):
        stem = f"model.layers.{index}"
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            state[f"{stem}.self_attn.{name}.weight"] = matrix(width, width)
        state[f"{stem}.mlp.gate_proj.weight"] = matrix(inner, width)
        state[f"{stem}.mlp.up_proj.weight"] = matrix(inner, width)
        state[f"{stem}.mlp.down_proj.weight"] = matrix(width, inner)
    if tokens:
        state["lm_head.weight"] = matrix(tokens, width)
    save_file(state, path)
    return sum(tensor.numel() for tensor in state.values())


def measured(path: Path, how: str) -> dict:
    command = [sys.executable, "-c", _CHILD, str(path), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def show(what: str, found: dict, path: Path) -> None:
    print(
        f"{what:<34} {found['seconds']:8.1f} s  {found['cpu']:8.1f} s of processors  peak "
        f"{found['peak_mb']:6.0f} MB ({found['peak_mb'] * 2**20 / path.stat().st_size:.2f} × file)"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "model.safetensors"
        weights = write(path, arguments.layers, arguments.width)
        found = measured(path, "iterated")
        show(f"{weights / 1e6:.0f}M weights, iterated", found, path)
        if arguments.exact:
            exact = measured(path, "exact")
            show(f"{weights / 1e6:.0f}M weights, decomposed", exact, path)
            pairs = zip(found["sigma"], exact["sigma"], strict=True)
            print(f"largest difference {max(abs(a - b) for a, b in pairs):.1e}")
        layer = Path(folder) / "layer.safetensors"
        write(layer, 1, 4096, tokens=0)
        one = measured(layer, "iterated")
        show("one layer of 7 billion", one, layer)
        print(f"7 billion weights, extrapolated: {32 * one['seconds'] / 60:.1f} min and embeddings")


if __name__ == "__main__":
    main()
