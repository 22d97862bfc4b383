"""Charts: data to SVG text. Colours come from the page's CSS by class, so a chart follows light and dark."""

from orderlake.charts.bar import bar_chart
from orderlake.charts.chart import Chart, Label, Number, Series, Unit
from orderlake.charts.figure import data_table, figure
from orderlake.charts.line import line_chart
from orderlake.charts.share import share_bar
from orderlake.charts.sparkline import sparkline
from orderlake.charts.stacked import stacked_chart
from orderlake.charts.words import exact, short

__all__ = [
    "Chart",
    "Label",
    "Number",
    "Series",
    "Unit",
    "bar_chart",
    "data_table",
    "exact",
    "figure",
    "line_chart",
    "share_bar",
    "short",
    "sparkline",
    "stacked_chart",
]
