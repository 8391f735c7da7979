"""What a search found, for people: tables, pictures, and a configuration to train with."""

from hgl.search.report.result import HeldOut, Result, Scored
from hgl.search.report.write import write_report

__all__ = ["HeldOut", "Result", "Scored", "write_report"]
