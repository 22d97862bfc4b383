"""Marts by dbt: built and tested in a private database, and published all at once when every test has passed."""
