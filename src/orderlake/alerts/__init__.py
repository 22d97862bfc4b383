"""Alerts: a rejected file or a failing check calls a webhook or a command, or goes to a topic of SNS."""

from orderlake.alerts.alerter import Alerter, alerter_of
from orderlake.alerts.settings import targets_of

__all__ = ["Alerter", "alerter_of", "targets_of"]
