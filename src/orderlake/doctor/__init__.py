"""The doctor: looks at this machine, a project and its deployment; says what is wrong and what to do about it."""

from orderlake.doctor.check import Check
from orderlake.doctor.checkup import examine

__all__ = ["Check", "examine"]
