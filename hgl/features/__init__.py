"""Columns to compact arrays, with statistics from training time only."""
