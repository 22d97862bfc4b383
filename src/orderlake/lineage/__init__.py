"""Lineage: what was made from what. OpenLineage events of loads and builds, and the graph that the console draws."""
