"""Model -> operators -> norms and margins."""

from normlaws.norms.fisher_rao import log_fisher_rao
from normlaws.norms.margins import Margins, margins
from normlaws.norms.measurement import DEFINITIONS, Measurement, measure
from normlaws.norms.meter import DATA_FREE_NORMS, NormMeter
from normlaws.norms.paths import log_path_norm
from normlaws.norms.state import measure_file, measure_state

__all__ = [
    "DATA_FREE_NORMS",
    "DEFINITIONS",
    "Margins",
    "Measurement",
    "NormMeter",
    "log_fisher_rao",
    "log_path_norm",
    "margins",
    "measure",
    "measure_file",
    "measure_state",
]
