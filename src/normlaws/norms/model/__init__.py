"""What a network multiplies by: layers of PyTorch and Keras, adapters, normalisation."""
