"""Model -> operators -> norms and margins."""

from normlaws.extras import needed

with needed("measuring networks", "torch"):
    from normlaws.norms.definitions.fisher_rao import log_fisher_rao
    from normlaws.norms.definitions.path import log_path_norm
    from normlaws.norms.margins import Margins, margins
    from normlaws.norms.measurement import DEFINITIONS, Measurement, measure
    from normlaws.norms.meter import DATA_FREE_NORMS, NormMeter
    from normlaws.norms.weight_files import measure_file, measure_state

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
