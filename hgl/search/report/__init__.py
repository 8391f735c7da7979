"""What a search found, for people: tables, pictures, and a configuration to train with."""

from hgl.search.report.result import HeldOut, Result, Scored

__all__ = ["HeldOut", "Result", "Scored"]
