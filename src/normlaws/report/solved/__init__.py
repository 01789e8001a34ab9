"""Pages and figures of the solved models."""
