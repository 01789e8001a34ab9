"""Further quantities of a training, beside norms: one file each, all behind :class:`Gauge`."""

from normlaws.extras import needed

with needed("following gauges of a network", "torch"):
    from normlaws.gauges.distance import Distance
    from normlaws.gauges.effective_parameters import EffectiveParameters
    from normlaws.gauges.gauge import Gauge
    from normlaws.gauges.recurrent_ranks import RecurrentRanks
    from normlaws.gauges.telescope import Telescope

__all__ = ["Distance", "EffectiveParameters", "Gauge", "RecurrentRanks", "Telescope"]
