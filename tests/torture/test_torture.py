"""Whatever dies in the midst of a transfer, each alert is on disk once: one round of each kind of death.

The rounds and their checks are those of benchmarks/torture.py, which plays many more of them.
"""

SEED = 1
