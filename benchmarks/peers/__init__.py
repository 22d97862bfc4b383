"""The usual ways to do the same job, each a program: `python benchmarks/peers/NAME.py SRC OUT`."""
