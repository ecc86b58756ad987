"""What the service that runs on Spark does for a transfer, as a script of Spark's own environment.

python spark_job.py JOB.json

It reads the nights' Parquet files, filters by class and by SQL, projects the content, encodes with `to_avro` and writes
to Kafka in batch mode: a key that is the topic's name, a partition by chance, and a thousand copies of the schema in a
topic of their own. This script imports nothing of the project; starting.py starts it, and reads the line of
JSON that it prints: the seconds until the session stood, and those of the write.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import spark_classes
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.avro.functions import to_avro
from pyspark.sql.types import StringType, StructType, TimestampNTZType, TimestampType

_BESIDE_LIGHTCURVE = ("candidate", "prv_candidates", "cutoutScience", "cutoutTemplate", "cutoutDifference")
_OF_CANDIDATE = ("magpsf", "sigmapsf", "fid", "jd", "ra", "dec", "ssnamenr")
_PARTITIONED_BY = ("year", "month", "day")
_NUM_PARTITIONS = 10
_NUM_SCHEMAS = 1000


def with_classes(alerts: DataFrame, how: str) -> DataFrame:
    """Return alerts with finkclass and tnsclass: by Python workers (`udfs`), by SQL, or as constants (`none`)."""
    if how == "udfs":
        alerts.sparkSession.sparkContext.addPyFile(spark_classes.__file__)
        finkclass = F.pandas_udf(spark_classes.finkclass, StringType())
        tnsclass = F.pandas_udf(spark_classes.tnsclass, StringType())
        alerts = alerts.withColumn("finkclass", finkclass(*spark_classes.INPUTS))
        return alerts.withColumn("tnsclass", tnsclass("candidate.ra", "candidate.dec"))
    finkclass = F.expr(spark_classes.finkclass_sql()) if how == "sql" else F.lit("Unknown")
    return alerts.withColumn("finkclass", finkclass).withColumn("tnsclass", F.lit("Unknown"))


def project(alerts: DataFrame, content: str, rewrap: bool) -> DataFrame:
    """Return the columns of a content, times as texts; `rewrap` builds nested columns anew, as the service does."""
    chosen = []
    for field in alerts.schema:
        name, quoted = field.name, F.col(field.name)
        if name in _PARTITIONED_BY or (content == "lightcurve" and name in _BESIDE_LIGHTCURVE):
            continue
        if isinstance(field.dataType, TimestampType | TimestampNTZType):
            chosen.append(quoted.cast("string").alias(name))
        elif name == "mangrove" and isinstance(field.dataType, StructType):
            chosen.append(quoted.cast(_as_avro_names(field.dataType)).alias(name))
        elif rewrap and isinstance(field.dataType, StructType):
            chosen.append(F.struct(f"{name}.*").alias(name))
        elif rewrap and name == "prv_candidates":
            chosen.append(F.explode(F.array(quoted)).alias(name))
        else:
            chosen.append(quoted)
    if content == "lightcurve":
        chosen += [F.col(f"candidate.{name}") for name in _OF_CANDIDATE]
    return alerts.select(*chosen)


def _as_avro_names(struct: StructType) -> StructType:
    """Return a struct whose fields have names that Avro takes: `2MASS_name` makes its writer fail."""
    renamed = StructType()
    for field in struct:
        name = f"_{field.name}" if field.name[0].isdigit() else field.name
        renamed.add(name, field.dataType, field.nullable)
    return renamed


def write(messages: DataFrame, topic: str, job: dict) -> None:
    """Write the columns key, value and partition to a topic."""
    writer = messages.write.format("kafka").option("kafka.bootstrap.servers", job["kafka"]).option("topic", topic)
    for name, value in job["producer"].items():
        writer = writer.option(f"kafka.{name}", value)
    writer.save()


def main() -> None:
    begun = time.monotonic()
    job = json.loads(Path(sys.argv[1]).read_text())
    builder = SparkSession.builder
    for name, value in job["settings"].items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    session_s = time.monotonic() - begun

    alerts = spark.read.format("parquet").option("basePath", job["archive"]).load(job["nights"])
    alerts = with_classes(alerts, job["classes_by"])
    if job["classes"]:
        alerts = alerts.filter(F.col("finkclass").isin(job["classes"]))
    if job["where"]:
        alerts = alerts.filter(job["where"])
    content = project(alerts, job["content"], job["rewrap"])

    converters = spark._jvm.org.apache.spark.sql.avro.SchemaConverters
    schema = converters.toAvroType(content._jdf.schema(), False, "topLevelRecord", "").toString()
    by_chance = (F.rand(seed=0) * _NUM_PARTITIONS).cast("int")
    copies = spark.range(_NUM_SCHEMAS).select(F.lit(schema).alias("key"), F.lit(b"").alias("value"))
    write(copies, f"{job['topic']}_schema", job)

    datum = to_avro(F.struct(*[F.col(f"`{name}`") for name in content.columns])).alias("value")
    messages = content.select(datum, F.lit(job["topic"]).alias("key"), by_chance.alias("partition"))
    begun = time.monotonic()
    write(messages, job["topic"], job)
    write_s = time.monotonic() - begun
    spark.stop()
    print(json.dumps({"session_s": session_s, "write_s": write_s}), flush=True)


if __name__ == "__main__":
    main()
