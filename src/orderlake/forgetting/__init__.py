"""Forgetting people: their data goes from raw files, tables, quarantine, snapshots and whatever was made of them."""

from orderlake.forgetting.forget import Forgot, Who, forget

__all__ = ["Forgot", "Who", "forget"]
