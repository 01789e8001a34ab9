"""Model -> operators -> norms and margins."""

from normlaws.norms import kinds as kinds
from normlaws.norms.measurement import Measurement, measure
from normlaws.norms.meter import DATA_FREE_NORMS, NormMeter

__all__ = ["DATA_FREE_NORMS", "Measurement", "NormMeter", "measure"]
