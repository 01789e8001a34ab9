"""One file for every solved study; see :mod:`normlaws.theory.registry`."""
