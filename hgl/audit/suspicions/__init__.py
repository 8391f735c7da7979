"""What the data and the task make likely, each with its evidence and a remedy."""

from __future__ import annotations

from hgl.audit.case import Check
from hgl.audit.suspicions.base_rates import base_rates
from hgl.audit.suspicions.clock_changes import clock_changes
from hgl.audit.suspicions.counters import snapshot_counters
from hgl.audit.suspicions.early_answers import early_answers
from hgl.audit.suspicions.forward_keys import forward_keys
from hgl.audit.suspicions.frozen_seeds import frozen_seeds
from hgl.audit.suspicions.future_filter import future_filter
from hgl.audit.suspicions.growing_tables import growing_tables
from hgl.audit.suspicions.instant_twins import instant_twins
from hgl.audit.suspicions.late_records import late_records
from hgl.audit.suspicions.later_times import later_times
from hgl.audit.suspicions.newcomers import newcomers
from hgl.audit.suspicions.null_times import null_times
from hgl.audit.suspicions.scaled_columns import scaled_columns
from hgl.audit.suspicions.seed_instants import seed_instants
from hgl.audit.suspicions.stale_files import stale_files
from hgl.audit.suspicions.stale_labels import stale_labels
from hgl.audit.suspicions.told_labels import told_labels
from hgl.audit.suspicions.units import mixed_units
from hgl.audit.suspicions.windows import windows

SUSPICIONS: tuple[Check, ...] = (
    snapshot_counters,
    later_times,
    told_labels,
    instant_twins,
    early_answers,
    future_filter,
    newcomers,
    windows,
    late_records,
    growing_tables,
    forward_keys,
    null_times,
    clock_changes,
    mixed_units,
    scaled_columns,
    stale_labels,
    stale_files,
    seed_instants,
    frozen_seeds,
    base_rates,
)
"""Every check, the most telling first."""
