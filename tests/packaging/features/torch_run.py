"""A network is measured, a training is tracked, and a study runs."""

import normlaws as nl

STUDY = {
    "name": "small",
    "sizes": [16, 32],
    "seeds": 1,
    "data": {"name": "digits", "validation": 100},
    "model": {"family": "mlp", "hidden": [8]},
    "training": {"steps": 10, "batch_size": 8, "records": 4},
}

if __name__ == "__main__":
    curves = nl.Study.load(STUDY).run("runs/small", progress=False)
    assert list(curves.runs["status"]) == ["complete", "complete"]

    import torch

    model = torch.nn.Linear(4, 2)
    with nl.Tracker(model, "runs/mine", size=16, seed=0) as track:
        track.record(0, test_error=0.5)
    recorded = nl.Curves.read("runs/mine").frame["log_spectral_complexity"].item()
    assert abs(recorded - nl.measure(model).total["log_spectral_complexity"]) < 1e-6
