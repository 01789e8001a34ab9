"""Weights alone, without the model: a state dict, a file, or a folder of files."""

from normlaws.norms.weight_files.measuring import measure_file, measure_state, plan_of, read_state
from normlaws.norms.weight_files.series import CheckpointMeter

__all__ = ["CheckpointMeter", "measure_file", "measure_state", "plan_of", "read_state"]
