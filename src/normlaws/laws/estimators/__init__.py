"""The estimators of the two laws."""
