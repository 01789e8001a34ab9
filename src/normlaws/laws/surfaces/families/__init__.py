"""Every family of surfaces, by name."""

from normlaws.laws.surfaces.families.chinchilla import Chinchilla
from normlaws.laws.surfaces.families.coupled import Coupled
from normlaws.laws.surfaces.families.repeated import Repeated
from normlaws.laws.surfaces.families.routed import Routed
from normlaws.laws.surfaces.families.schedule import Schedule
from normlaws.laws.surfaces.families.transfer import Transfer
from normlaws.laws.surfaces.family import Family

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (Chinchilla(), Coupled(), Repeated(), Routed(), Transfer(), Schedule())
}

__all__ = [
    "FAMILIES",
    "Chinchilla",
    "Coupled",
    "Family",
    "Repeated",
    "Routed",
    "Schedule",
    "Transfer",
]
