"""One run, or a stack of runs: settings -> curves."""

from normlaws.extras import needed

with needed("a study that trains networks", "torch"):
    from normlaws.training.execution import Execution
    from normlaws.training.run import train
    from normlaws.training.schedule import log_spaced_steps
    from normlaws.training.settings import OptimizerSettings, RunSettings
    from normlaws.training.stack import stack_key, train_stack

__all__ = [
    "Execution",
    "OptimizerSettings",
    "RunSettings",
    "log_spaced_steps",
    "stack_key",
    "train",
    "train_stack",
]
