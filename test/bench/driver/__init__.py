"""The driver of the benchmark: what runs, what is measured, how it is told."""
