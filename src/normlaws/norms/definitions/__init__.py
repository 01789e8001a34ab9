"""One file a norm."""
