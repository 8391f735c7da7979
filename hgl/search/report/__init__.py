"""What a search found, for people: tables, pictures, and a configuration to train with."""

from hgl.search.report.held_out import held_out_verdict
from hgl.search.report.result import HeldOut, Result, Scored
from hgl.search.report.verdict import verdict
from hgl.search.report.write import write_report

__all__ = ["HeldOut", "Result", "Scored", "held_out_verdict", "verdict", "write_report"]
