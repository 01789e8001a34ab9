"""Folders, atomic writes, locks and leases: who may write where."""
