"""What a shop's owner wants to know first: revenue, orders, customers, products, over a chosen time."""

from orderlake.overview.figures import Figures, Measure, bounds_of, days_of, figures_of
from orderlake.overview.keeper import Keeper, Kept
from orderlake.overview.period import CHOICES, DEFAULT, Period, chosen
from orderlake.overview.ranking import Delivery, Place, Ranked
from orderlake.overview.shop import Shop, shops_of

__all__ = [
    "CHOICES",
    "DEFAULT",
    "Delivery",
    "Figures",
    "Keeper",
    "Kept",
    "Measure",
    "Period",
    "Place",
    "Ranked",
    "Shop",
    "bounds_of",
    "chosen",
    "days_of",
    "figures_of",
    "shops_of",
]
