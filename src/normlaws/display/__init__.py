"""How a value looks, wherever it is shown."""
