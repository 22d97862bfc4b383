"""What has happened: to a load, to a record, and what the tables held at an earlier moment."""

from orderlake.explain.account import LoadAccount, account_of
from orderlake.explain.moment import Moment, moment_of

__all__ = ["LoadAccount", "Moment", "account_of", "moment_of"]
