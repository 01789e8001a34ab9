"""A grid of runs: presets, planning, executing, resuming."""
