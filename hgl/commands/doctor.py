"""`hgl doctor`."""

from __future__ import annotations

from hgl.doctor import findings
from hgl.report.screen import plain_console
from hgl.report.tables import finding_table


def doctor() -> None:
    """Show versions, the optional libraries that are present, and what would run.

    Examples:
        hgl doctor
    """
    console = plain_console()
    for title, rows in findings().items():
        console.print(finding_table(title, rows))
