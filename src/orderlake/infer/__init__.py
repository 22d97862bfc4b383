"""Pipelines drafted from files."""

from orderlake.infer.draft import Draft, infer

__all__ = ["Draft", "infer"]
