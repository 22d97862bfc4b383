"""What `run` would do."""

from orderlake.plan.plan import plan
from orderlake.plan.planned import FilePlan, Plan, Setback, TablePlan

__all__ = ["FilePlan", "Plan", "Setback", "TablePlan", "plan"]
