from .writing import DEFAULT_NIGHTS, PROFILE_NAMES, SampleArchive, write_sample

__all__ = ["DEFAULT_NIGHTS", "PROFILE_NAMES", "SampleArchive", "write_sample"]
