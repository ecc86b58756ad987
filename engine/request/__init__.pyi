from .request import TransferRequest
from .yaml_form import read_yaml, write_yaml

__all__ = ["TransferRequest", "read_yaml", "write_yaml"]
