"""Harrier's nightly rebuild on Spark: the C core scans and folds in the executors, Spark moves the blocks.

    from harrier_spark import rebuild
    rebuild(spark, "hdfs:///harrier/archive", "/var/lib/harrier/generations")

docs/CLUSTER.md says what distributes and what does not.
"""
from .rebuild import Report, rebuild

__all__ = ["Report", "rebuild"]
