"""The grain lint: does a statement count each measure once? Known from the pipelines; what is not known is let be."""
