from .figures import FragmentFigures, nothing_sent
from .kafka_manifest import KafkaManifestStore
from .kafka_sink import KafkaSink
from .manifest_store import ManifestStore
from .sink import OUTAGES, FragmentWriter, Sink
from .taking_back import taken_back_on_failure

__all__ = [
    "OUTAGES",
    "FragmentFigures",
    "FragmentWriter",
    "KafkaManifestStore",
    "KafkaSink",
    "ManifestStore",
    "Sink",
    "nothing_sent",
    "taken_back_on_failure",
]
