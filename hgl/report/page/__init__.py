"""A report as one HTML page, from records or runs."""

from hgl.report.page.material import Material, gather
from hgl.report.page.run_folder import read_runs
from hgl.report.page.store import read_store
from hgl.report.page.write import write_report

__all__ = ["Material", "gather", "read_runs", "read_store", "write_report"]
