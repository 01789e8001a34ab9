"""Other people's records, in and out."""

from normlaws.interop.deep_norm import panels_of, read_deep_norm
from normlaws.interop.table import read_table

__all__ = ["panels_of", "read_deep_norm", "read_table"]
