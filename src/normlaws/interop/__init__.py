"""Other people's records, in and out."""
