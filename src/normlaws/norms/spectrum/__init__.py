"""The largest singular value of an operator."""
