"""Harrier's big jobs on Spark: the C core works in the executors, Spark moves blocks between them.

    from harrier_spark import features, rebuild, session
    spark = session()
    rebuild(spark, "hdfs:///harrier/archive", "/var/lib/harrier/generations")
    features(spark, "hdfs:///harrier/archive", "hdfs:///harrier/features", policy="rules/candidate")

docs/CLUSTER.md says what distributes and what does not.
"""
from .features import Features, features
from .library import HarrierError
from .rebuild import Report, rebuild
from .shipping import session

__all__ = ["Features", "HarrierError", "Report", "features", "rebuild", "session"]
