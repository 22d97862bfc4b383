"""Measures orderlake against the usual ways to do the same job, in fresh processes and in pairs."""
