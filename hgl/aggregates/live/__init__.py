"""The columns of one or a few seeds, straight from a live database or an indexed snapshot."""
