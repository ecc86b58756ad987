"""alert-transfer's engine: take any selection out of an alert archive and stream it into Kafka, with Dask.

request = engine.TransferRequest(archive="s3://bucket/science", nights="2021-11-22", where="candidate.rb > 0.5")
print(engine.plan(request))
job = engine.submit(request, client=client, kafka="host:9092")
job.wait(progress=True)
"""

from lazy_loader import attach_stub

# Imported on first use: a broker or a sample archive needs no Dask, and a command that does not plan should not wait
# two seconds for dask-sql. The stub beside this file says where each name is.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
