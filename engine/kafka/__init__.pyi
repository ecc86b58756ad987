from .client import FragmentSender, KafkaCluster, ManifestReader, ManifestWriter
from .from_settings import kafka_of

__all__ = ["FragmentSender", "KafkaCluster", "ManifestReader", "ManifestWriter", "kafka_of"]
