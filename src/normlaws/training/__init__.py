"""One run: settings -> curves."""
