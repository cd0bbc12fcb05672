"""Harrier's big jobs on Spark: the C core works in the executors, Spark moves blocks between them.

    from harrier_spark import features, rebuild, session
    spark = session()
    rebuild(spark, "hdfs:///harrier/archive", "/var/lib/harrier/generations")
    features(spark, "hdfs:///harrier/archive", "hdfs:///harrier/features", policy="rules/candidate")

docs/CLUSTER.md says what distributes and what does not.
"""
import importlib

_MODULES = {"Features": "features_job", "features": "features_job", "HarrierError": "library",
            "Report": "rebuild_job", "rebuild": "rebuild_job", "session": "shipping"}
__all__ = list(_MODULES)


def __getattr__(name):
    """Imports what is asked for: pyspark and pyarrow may be missing, which the command can say better."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module("." + _MODULES[name], __name__), name)
