"""Checks that look for what is likely a leak, in the order in which they are made."""

from __future__ import annotations

from hgl.audit.case import Check

SUSPICIONS: tuple[Check, ...] = ()
