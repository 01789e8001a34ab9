"""The linear maps of layers."""
