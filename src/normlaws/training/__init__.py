"""One run: settings -> curves."""

from normlaws.training.execution import Execution
from normlaws.training.run import train
from normlaws.training.schedule import log_spaced_steps
from normlaws.training.settings import OptimizerSettings, RunSettings

__all__ = ["Execution", "OptimizerSettings", "RunSettings", "log_spaced_steps", "train"]
