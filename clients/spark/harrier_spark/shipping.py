"""Bringing the library and this package to the executors, and a session with the settings that both jobs need."""
import atexit
import os
import pathlib
import shutil
import sys
import tempfile

from . import library as native

SETTINGS = {
    # Rows are blocks of up to some hundred kilobytes.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


_shipped = {}  # application id → path of the library


def session(master=None, name="harrier-spark", settings=None):
    """A Spark session with these settings, and others by their names."""
    from pyspark.sql import SparkSession
    if (master or "").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors of this machine have the same packages
    builder = SparkSession.builder.appName(name)
    if master:
        builder = builder.master(master)
    for key, value in {**SETTINGS, **(settings or {})}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def ship(context):
    """Has executors get the library and, as a zip file, this package: no machine needs it installed. Returns the
    library's path here. Once for an application: Spark refuses a file's name that it knows from elsewhere."""
    if context.applicationId in _shipped:
        return _shipped[context.applicationId]
    path = native.find()
    native.Library(path)  # a sentence of ours if it cannot be loaded
    context.addFile(path)
    folder = tempfile.mkdtemp(prefix="harrier-spark-package-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # the driver serves the file for as long as it lives
    package = pathlib.Path(__file__).resolve().parent
    copy = pathlib.Path(folder) / "zip" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    context.addPyFile(shutil.make_archive(str(pathlib.Path(folder) / "harrier_spark"), "zip", copy.parent))
    _shipped[context.applicationId] = path
    return path
